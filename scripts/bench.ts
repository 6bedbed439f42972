/** `npm run bench -- <name> [options]`: measurements. The last line of each is JSON. */

import { benchActivate } from './bench/activate.ts';
import { benchLower } from './bench/lower.ts';
import { benchMemory } from './bench/memory.ts';
import { benchReplay } from './bench/replay.ts';
import { benchServe } from './bench/serve/main.ts';
import { benchTrain } from './bench/train.ts';
import { main, UserError } from './progress.ts';

const BENCHES: Readonly<Record<string, (options: readonly string[]) => Promise<void>>> = {
  lower: benchLower,
  activate: benchActivate,
  memory: benchMemory,
  replay: benchReplay,
  serve: benchServe,
  train: benchTrain,
};

await main(async () => {
  const [name = '', ...options] = process.argv.slice(2);
  const bench = BENCHES[name];
  if (!bench) throw new UserError(`No measurement "${name}". There are: ${Object.keys(BENCHES).join(', ')}.`);
  await bench(options);
});
