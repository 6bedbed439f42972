/**
 * One whole round in a real editor: suggestions from the real model, accepted with Tab, training while nobody types,
 * and what the accepted edit's log-probability in a new place was before and is after.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { scorePlace } from '../../../scripts/score.ts';
import { endedRounds, outcomes, query, type TrainingRound } from './database.ts';
import type { TestEditor } from './editor.ts';
import { INDENT, lineFor, NEW_PLACE, openingOf, PLACES, type Place, snapshotAt } from './scenario.ts';
import { until } from './wait.ts';

/** What a round came to; null where it did not get there. Log-probabilities and losses in nats. */
export interface Round {
  /** Suggestions of the wanted edit that were shown, and how many of them were accepted, by the database. */
  suggested: number;
  accepted: number;
  /** Events in the database. */
  signalRows: number;
  trainSteps: number | null;
  lossBefore: number | null;
  lossAfter: number | null;
  promoted: boolean;
  checkpointBefore: string | null;
  checkpointAfter: string | null;
  logprobBefore: number | null;
  logprobAfter: number | null;
}

export const emptyRound = (): Round => ({
  suggested: 0,
  accepted: 0,
  signalRows: 0,
  trainSteps: null,
  lossBefore: null,
  lossAfter: null,
  promoted: false,
  checkpointBefore: null,
  checkpointAfter: null,
  logprobBefore: null,
  logprobAfter: null,
});

/** Whether a round went all the way round. */
export function isWhole(round: Round): boolean {
  const { lossBefore, lossAfter, logprobBefore, logprobAfter } = round;
  if (lossBefore === null || lossAfter === null || logprobBefore === null || logprobAfter === null) return false;
  return (
    round.suggested > 0 &&
    round.accepted > 0 &&
    round.signalRows > 0 &&
    (round.trainSteps ?? 0) > 0 &&
    lossAfter < lossBefore &&
    round.promoted &&
    round.checkpointAfter !== round.checkpointBefore &&
    logprobAfter > logprobBefore
  );
}

/** Settings under which a round takes minutes, not a working day. */
export const ROUND_SETTINGS = {
  // What is shown is to be the weights' doing: memory would write it after the first accept.
  'knack.memory.enabled': false,
  'knack.training.minSignals': 4,
  'knack.training.idleSeconds': 5,
  'knack.training.onBattery': true,
  // Three tenths of the default: enough for one habit.
  'knack.training.tokenBudget': 6000,
};

/** Longest that training may wait for a quiet machine before the round asks for it by command. */
const PATIENCE_MS = 90_000;

export interface RoundOptions {
  readonly workspace: string;
  /** Cache folder with the model. */
  readonly cacheDir: string;
  /** Filled as the round goes on, so that a round that fails tells how far it got. */
  readonly round: Round;
  readonly detail: (line: string) => void;
  readonly trainingTimeoutMs?: number;
}

/** Plays the round in an editor that has the sample project open. Throws if it gets stuck. */
export async function playRound(editor: TestEditor, options: RoundOptions): Promise<void> {
  const { workspace, cacheDir, round, detail } = options;
  const { checkpoint = null } = await editor.ready();
  round.checkpointBefore = checkpoint;
  for (const place of PLACES) {
    const suggestion = await askFor(editor, workspace, place);
    detail(`${place.function}: suggested ${JSON.stringify(suggestion ?? null)}`);
    if (suggestion === lineFor(place)) round.suggested++;
    await takeOrType(editor, workspace, place, suggestion);
  }
  await until('the accepts in the database', 20_000, () => {
    round.accepted = outcomes(editor.storageDir).accepted ?? 0;
    round.signalRows = query<{ n: number }>(editor.storageDir, 'SELECT count(*) AS n FROM event')[0]?.n ?? 0;
    return round.accepted >= round.suggested ? true : undefined;
  });
  if (round.accepted === 0) throw new Error('Nothing was accepted: the model suggested none of the wanted edits.');

  detail(`${round.accepted} accepted; hands off, so that it trains`);
  const trained = await waitForRound(editor, options);
  round.trainSteps = trained.steps;
  round.lossBefore = trained.loss_before;
  round.lossAfter = trained.loss_after;
  round.promoted = trained.decision === 'promoted';
  detail(`training round: ${trained.decision}. ${trained.reason}`);
  if (trained.checkpoint === null)
    throw new Error(`Training promoted nothing (${trained.decision}): ${trained.reason}`);
  const { checkpoint: after = null } = await editor.ready((mark) => mark.checkpoint === trained.checkpoint, 60_000);
  round.checkpointAfter = after;

  const snapshot = snapshotAt(readFileSync(join(workspace, NEW_PLACE.file), 'utf8'), NEW_PLACE);
  const place = { cacheDir, storageDir: editor.storageDir, snapshot, text: lineFor(NEW_PLACE) };
  round.logprobBefore = (await scorePlace({ ...place, checkpoint: round.checkpointBefore ?? 'base' })).logprob;
  round.logprobAfter = (await scorePlace({ ...place, checkpoint: trained.checkpoint })).logprob;
}

/** Opens a new line in a function, as a developer would, and resolves with the ghost text that comes, if any. */
export async function askFor(editor: TestEditor, workspace: string, place: Place): Promise<string | undefined> {
  const path = join(workspace, place.file);
  const { line, column } = openingOf(readFileSync(path, 'utf8'), place);
  await editor.openFile(path, line, column);
  await editor.type(`\n${INDENT}`);
  return editor.requestGhostText().catch(() => undefined);
}

/** Takes the suggestion with Tab if it is the wanted line; else refuses it and types the line. Saves the file. */
export async function takeOrType(
  editor: TestEditor,
  workspace: string,
  place: Place,
  suggestion: string | undefined,
): Promise<void> {
  const wanted = lineFor(place);
  if (suggestion === wanted) {
    await editor.press('Tab');
  } else {
    if (suggestion !== undefined) await editor.press('Escape');
    await editor.type(wanted);
    if ((await editor.ghostText()) !== undefined) await editor.press('Escape');
  }
  const path = join(workspace, place.file);
  const { line } = openingOf(readFileSync(path, 'utf8'), place);
  await editor.waitForCursor(line + 1, INDENT.length + wanted.length + 1);
  await editor.save();
  const written = readFileSync(path, 'utf8').split('\n')[line];
  if (written !== INDENT + wanted)
    throw new Error(`${place.file} has ${JSON.stringify(written)} where ${wanted} was wanted.`);
}

/** Waits for the next training round to end. If the machine is too busy for long, asks for it by command. */
async function waitForRound(
  editor: TestEditor,
  { detail, trainingTimeoutMs = 600_000 }: RoundOptions,
): Promise<TrainingRound> {
  const before = endedRounds(editor.storageDir).length;
  const patience = Date.now() + PATIENCE_MS;
  let asked = false;
  let last = '';
  let said = 0;
  return until(
    'a training round',
    trainingTimeoutMs,
    async () => {
      const { training } = await editor.ready(() => true);
      // Steps are many: a line each ten seconds says enough.
      const isNew = training !== undefined && training.message !== last;
      if (isNew && (!/step \d+/.test(last) || Date.now() - said > 10_000)) {
        detail(`${training.phase}: ${training.message}`);
        last = training.message;
        said = Date.now();
      }
      if (training?.phase === 'waiting' && Date.now() > patience && !asked) {
        asked = true;
        await editor.runCommand('Knack: Train Now');
      }
      return endedRounds(editor.storageDir)
        .slice(before)
        .find(({ decision }) => decision !== 'stopped');
    },
    () => `last: ${last}`,
  );
}
