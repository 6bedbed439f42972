/**
 * `npm run test:fates`: scripted sessions with real keys in the gated editor, each compared with what a person who
 * watches would say. The last line is JSON: how many scenarios there are, and how many came out exactly so.
 *
 * Arguments: parts of names, to run some. What the window looked like when one failed is in dist/fates.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ROOT } from '../../scripts/paths.ts';
import { onInterrupt } from '../../scripts/process.ts';
import { main } from '../../scripts/progress.ts';
import { play, playSurvival } from './play.ts';
import { SCENARIOS } from './scenarios.ts';
import { Session } from './session.ts';

await main(async () => {
  const wanted = process.argv.slice(2);
  const scenarios = SCENARIOS.filter((s) => wanted.length === 0 || wanted.some((w) => s.name.includes(w)));
  const session = await Session.start({ detail: (line) => console.log(`• ${line}`) });
  onInterrupt(() => session.stop());
  const exact = new Set<string>();
  const attempt = async (name: string, run: () => Promise<void>): Promise<void> => {
    const begin = Date.now();
    try {
      await run().catch(async (error) => {
        await session.editor.screenshot(join(ROOT, 'dist', 'fates', `${name.replace(/\W+/g, '-')}.png`));
        throw error;
      });
      console.log(`✔ ${name} (${Date.now() - begin} ms)`);
      exact.add(name);
    } catch (error) {
      exact.delete(name);
      const detail = error instanceof assert.AssertionError ? JSON.stringify(error.actual) : '';
      console.log(`✖ ${name}: ${(error as Error).message}\n${detail}`);
    }
  };
  try {
    for (const [n, scenario] of scenarios.entries()) {
      await attempt(scenario.name, () => play(session, scenario, n));
    }
    for (const [n, scenario] of scenarios.entries()) {
      if (scenario.survival && exact.has(scenario.name)) {
        await attempt(scenario.name, () => playSurvival(session, scenario, n));
      }
    }
  } finally {
    await session.stop();
  }
  console.log(JSON.stringify({ scenarios: scenarios.length, exact: exact.size }));
  return exact.size === scenarios.length ? 0 : 1;
});
