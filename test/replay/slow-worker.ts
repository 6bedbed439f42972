/** A worker that takes a while for every answer, and answers with its own process id as the milliseconds it took. */
import { setTimeout } from 'node:timers/promises';
import type { FromWorker, ToWorker } from '../../src/replay/serve-arm.ts';

process.on('message', async (message: ToWorker) => {
  if (message.kind !== 'ask') {
    process.send!({ kind: 'done', peakMemory: 0 } satisfies FromWorker);
    return;
  }
  await setTimeout(20);
  process.send!({ kind: 'answer', answer: 'null', ms: process.pid, peakMemory: 0 } satisfies FromWorker);
});
process.on('disconnect', () => process.exit(0));
