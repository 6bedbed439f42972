/** A past: suggestions of the last fortnight, and what became of them, in the database of an editor under test. */
import { join } from 'node:path';
import { openStore, type Store } from '../../../src/signals/store.ts';
import { offered, outcome } from '../../signals/events.ts';

const DAY = 86_400_000;

/**
 * Records some suggestions a day, of which more and more are accepted; the same each time.
 *
 * @param baseHash base that two rounds of training are recorded for: one refused, one promoted
 */
export function fillDatabase(storageDir: string, baseHash?: string): void {
  const clock = { now: Date.now() };
  const { store } = openStore({ path: join(storageDir, 'knack.db'), clock: () => clock.now });
  try {
    for (let day = 14; day > 0; day--) {
      clock.now = Date.now() - day * DAY;
      for (let i = 0; i < 8 + ((day * 5) % 7); i++) {
        const id = `past-${day}-${i}`;
        const kind =
          i % 4 === 3 ? 'never-seen' : i * 15 < 30 + (14 - day) * 6 ? 'accepted' : i % 2 === 0 ? 'ignored' : 'rejected';
        const acceptedChars = kind === 'accepted' ? 13 : 0;
        store.record([offered(id, { at: clock.now }), outcome(id, { at: clock.now, kind, acceptedChars })]);
      }
      if (baseHash !== undefined && (day === 9 || day === 4)) recordRound(store, clock, baseHash, day === 4);
    }
  } finally {
    store.close();
  }
}

function recordRound(store: Store, clock: { now: number }, baseHash: string, isBetter: boolean): void {
  const checkpoint = `${isBetter ? 'b' : 'a'}3f1c2d4-0000-4000-8000-000000000000`;
  const id = store.beginRound({ baseHash, device: 'cpu', parent: null });
  clock.now += 95_000;
  const made = { id: checkpoint, baseHash, parent: null, path: `checkpoints/${checkpoint}` };
  const figures = { steps: 42, tokens: 9_800, lossBefore: 2.81 };
  if (isBetter) {
    const reason = 'Held-out signals are better served: their loss fell from 2.81 to 2.36. The canary rose by 0.2 %.';
    store.promoteFrom(id, made, {}, { ...figures, reason, lossAfter: 2.36 });
  } else {
    const reason = 'Ordinary code became less likely: its loss rose by 1.4 %, more than 1.0 %.';
    store.addCheckpoint(made);
    store.refuse(baseHash, checkpoint, reason, {});
    store.endRound(id, { ...figures, reason, decision: 'refused', lossAfter: 2.55, checkpoint });
  }
}
