/** What JavaScript keeps of memory that it has no use for. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * V8 gives new objects up to 16 MB three times over before it looks which are still of use, and what lived through that
 * takes yet more: some 100 MB of an engine whose live objects take 50.
 */
export const HEAP_FLAGS: readonly string[] = ['--max-semi-space-size=2'];

/**
 * Collects garbage and gives the pages back, which V8 else keeps for later: opening a model leaves 50 MB of them. Takes
 * some 100 ms, in which nothing else runs. Does nothing where the runtime does not let it.
 */
export function shrinkHeap(): void {
  try {
    setFlagsFromString('--expose_gc');
    const collect = runInNewContext('gc') as (options: {
      readonly type: 'major';
      readonly flavor: 'last-resort';
    }) => void;
    collect({ type: 'major', flavor: 'last-resort' });
  } catch {
    // a runtime without it: the pages stay
  }
}
