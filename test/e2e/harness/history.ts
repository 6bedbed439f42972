/** A past: suggestions of the last fortnight, and what became of them, in the database of an editor under test. */
import { join } from 'node:path';
import { openStore } from '../../../src/signals/store.ts';
import { offered, outcome } from '../../signals/events.ts';

const DAY = 86_400_000;

/** Records some suggestions a day, of which more and more are accepted; the same each time. */
export function fillDatabase(storageDir: string): void {
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
    }
  } finally {
    store.close();
  }
}
