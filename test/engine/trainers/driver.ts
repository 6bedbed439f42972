/** A trainer that says on which device it is to run, and how that goes there: `FAIL` says how. */
import type { FromTrainer, ToTrainer } from '../../../src/engine/job.ts';

const send = (message: FromTrainer): Promise<void> =>
  new Promise((resolve) => process.send?.(message, () => resolve()));

process.on('message', async (message: ToTrainer) => {
  if (message.type !== 'train') return;
  const { device, deviceReason } = message.job;
  await send({ type: 'log', level: 'info', message: `asked for ${device} (${deviceReason})` });
  if (device !== 'cpu' && process.env.FAIL === 'crash') process.kill(process.pid, 'SIGSEGV');
  if (device !== 'cpu' && process.env.FAIL === 'told')
    await send({ type: 'device-failed', device, reason: 'It broke.' });
  await send({ type: 'done', promoted: false, reason: 'Not taken up.' });
  process.disconnect();
});
