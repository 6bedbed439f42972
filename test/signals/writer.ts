/**
 * A process that stores signals until it is killed: `node writer.ts <path> <prefix> <batches>`.
 * Says which ids were acknowledged, batch by batch, right after `record` returned.
 */
import { openStore } from '../../src/signals/store.ts';
import { offered, outcome } from './events.ts';

const [path, prefix, batches] = process.argv.slice(2);
const { store } = openStore({ path: path!, clock: Date.now });
for (let i = 0; i < Number(batches); i++) {
  const ids = [`${prefix}-${i}-a`, `${prefix}-${i}-b`];
  process.send!(store.record(ids.flatMap((id) => [offered(id), outcome(id)])));
}
store.close();
process.disconnect();
