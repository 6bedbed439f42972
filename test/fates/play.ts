/** Plays one scenario in a session, and compares. */
import assert from 'node:assert/strict';
import type { Scenario } from './scenario.ts';
import type { Session } from './session.ts';

const fileOf = (n: number, { extension = 'txt' }: Scenario): string => `s${n}.${extension}`;

export async function play(session: Session, scenario: Scenario, n: number): Promise<void> {
  const { text, answers, run, expected, becomes } = scenario;
  const name = fileOf(n, scenario);
  session.answer();
  await session.open(name, text);
  session.answer(...answers.map((answer) => ({ path: name, ...answer })));
  try {
    await run(session);
    if (becomes !== undefined) assert.equal(await session.saved(), becomes);
  } finally {
    session.answer();
    await session.leave();
  }
  assert.deepEqual(await session.fates(name), expected);
}

/** How much of what was accepted stood after 30 s: to be asked when the other scenarios have been played. */
export async function playSurvival(session: Session, scenario: Scenario, n: number): Promise<void> {
  assert.deepEqual(await session.survival(fileOf(n, scenario)), scenario.survival);
}
