/**
 * The part of the desktop test that runs inside VS Code's extension host: types, accepts, and waits for training.
 * `scripts` and databases are the runner's; what happened here goes to the file that KNACK_TEST_RESULT names.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as vscode from 'vscode';
import { INDENT, lineFor, openingOf, PLACES, type Place } from '../e2e/harness/scenario.ts';
import { type ReadyMark, readReadyMark, until } from '../e2e/harness/wait.ts';

/** What the runner is told. */
export interface InEditorResult {
  suggested: number;
  checkpointBefore: string | null;
  checkpointAfter: string | null;
}

/** Longest that training may wait for a quiet machine before it is asked for by command. */
const PATIENCE_MS = 90_000;
const TRAINING_MS = 900_000;

/** VS Code's test entry: resolves if the round was played to its end. */
export async function run(): Promise<void> {
  const result: InEditorResult = { suggested: 0, checkpointBefore: null, checkpointAfter: null };
  try {
    await play(result);
  } finally {
    writeFileSync(required('KNACK_TEST_RESULT'), JSON.stringify(result));
  }
}

async function play(result: InEditorResult): Promise<void> {
  const workspace = required('KNACK_TEST_WORKSPACE');
  const { checkpoint: before } = await mark('the engine', 120_000, ({ phase }) => phase === 'ready');
  result.checkpointBefore = before ?? null;
  for (const place of PLACES) if (await edit(workspace, place)) result.suggested++;
  console.log(`knack: ${result.suggested} of ${PLACES.length} suggested and accepted; hands off, so that it trains`);
  const isTrained = ({ phase, checkpoint }: ReadyMark) => phase === 'ready' && checkpoint !== before;
  const trained = await mark(
    'training',
    PATIENCE_MS,
    (now) => isTrained(now) || now.training?.phase === 'running',
  ).catch(async () => {
    await vscode.commands.executeCommand('knack.trainNow'); // the machine is too busy to count as idle
    return undefined;
  });
  const { checkpoint: after } =
    trained && isTrained(trained) ? trained : await mark('new weights', TRAINING_MS, isTrained);
  result.checkpointAfter = after ?? null;
}

/** Adds the line in a place: accepts it if it is suggested, else types it. Resolves with whether it was. */
async function edit(workspace: string, place: Place): Promise<boolean> {
  const path = join(workspace, place.file);
  const wanted = lineFor(place);
  const opening = openingOf(readFileSync(path, 'utf8'), place);
  const editor = await vscode.window.showTextDocument(vscode.Uri.file(path), { preview: false });
  const end = new vscode.Position(opening.line - 1, opening.column - 1);
  editor.selection = new vscode.Selection(end, end);
  await type(`\n${INDENT}`);
  const written = () => editor.document.lineAt(opening.line).text;
  // What is shown cannot be asked for: committing does something only where there is ghost text.
  const suggested = await until('ghost text', 20_000, async () => {
    await vscode.commands.executeCommand('editor.action.inlineSuggest.commit');
    if (written() !== INDENT) return true;
    await sleep(250);
    return undefined;
  }).catch(() => false);
  const asWanted = suggested && written() === INDENT + wanted;
  if (!asWanted) {
    if (suggested) await vscode.commands.executeCommand('undo');
    await type(wanted);
  }
  await vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
  if (written() !== INDENT + wanted)
    throw new Error(`${place.file}: ${JSON.stringify(written())} instead of ${wanted}`);
  await editor.document.save();
  await sleep(1500); // as a person would, who reads before the next edit
  return asWanted;
}

/** Types through VS Code's own command, as its key handling does. */
async function type(text: string): Promise<void> {
  for (const character of text) {
    await vscode.commands.executeCommand('type', { text: character });
    await sleep(20);
  }
}

function mark(what: string, timeoutMs: number, condition: (mark: ReadyMark) => boolean): Promise<ReadyMark> {
  const path = required('KNACK_READY_FILE');
  return until(what, timeoutMs, () => {
    const now = readReadyMark(path);
    return now && condition(now) ? now : undefined;
  });
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run this through "npm run test:desktop".`);
  return value;
}
