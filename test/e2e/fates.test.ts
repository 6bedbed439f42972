/** A part of `npm run test:fates`, in one editor: what becomes of suggestions, as a person who watches would say. */
import { after, before, describe, test } from 'node:test';
import { play } from '../fates/play.ts';
import { SCENARIOS } from '../fates/scenarios.ts';
import { Session } from '../fates/session.ts';

describe('fates', { timeout: 300_000 }, () => {
  let session: Session;

  before(async () => {
    session = await Session.start({ detail: (line) => console.log(`    ${line}`) });
  });

  after(() => session?.stop());

  for (const [n, scenario] of SCENARIOS.entries()) {
    if (scenario.lean) test(scenario.name, () => play(session, scenario, n));
  }
});
