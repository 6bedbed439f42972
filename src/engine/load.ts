/** How busy the machine is with other people's work: from the processors' own counters, on every platform. */
import { cpus } from 'node:os';

interface Times {
  readonly busy: number;
  readonly all: number;
}

/** Measures between two calls; a class because the last reading lives in it. */
export class LoadMeter {
  #last = read();
  #share = 0;

  /**
   * Share of processor time since the last reading that normal work took, 0 to 1. Work at low priority, as our own
   * training, does not count where the system tells it apart (Linux). Readings closer than a second are the last one.
   */
  share(): number {
    const now = read();
    const all = now.all - this.#last.all;
    if (all < 1000) return this.#share;
    this.#share = Math.min(1, Math.max(0, (now.busy - this.#last.busy) / all));
    this.#last = now;
    return this.#share;
  }
}

/** Milliseconds since the start, over all processors. */
function read(): Times {
  let busy = 0;
  let all = 0;
  for (const { times } of cpus()) {
    busy += times.user + times.sys + times.irq;
    all += times.user + times.sys + times.irq + times.nice + times.idle;
  }
  return { busy, all };
}
