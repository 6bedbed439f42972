/** What the engine tells people: figures for the panel, and the prompt as the model sees it. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Snapshot } from '../completion/snapshot.ts';
import { calibrationOf } from '../gate/calibration.ts';
import type { Store } from '../signals/store.ts';
import type { Base } from './base.ts';
import type { CheckpointInfo, GateInfo, Overview, PromptView, RoundInfo } from './protocol.ts';
import { checkpointDir, checkpointsDir } from './storage.ts';

/** How far back the panel's charts go. */
const CHART_DAYS = 60;
const ROUNDS = 50;
/** Forecasts that the gate's table is made of, and suggestions held back that are shown. */
const FORECASTS = 1_000;
const HELD_DAYS = 7;
const HELD = 10;
/** Kinds of suggestions that are taken seldom, of those that are shown. */
const SELDOM = 10;

/**
 * @param baseHash base whose learning is shown; null while there is no model
 * @throws StoreError
 */
export function overviewOf(
  store: Store,
  {
    storageDir,
    baseHash,
    now,
    gate,
    cacheBytesAToken,
    memory,
  }: {
    storageDir: string;
    baseHash: string | null;
    now: number;
    gate: Pick<GateInfo, 'signals' | 'seldom'>;
    cacheBytesAToken: number | null;
    memory: { readonly size: number; readonly bytes: number };
  },
): Overview {
  const { suggestions, written, oldestAt, bytes } = store.stats();
  const checkpoint = (baseHash === null ? null : store.current(baseHash)?.id) ?? 'base';
  const rounds = baseHash === null ? [] : store.rounds(baseHash, ROUNDS);
  const promoted = checkpoint === 'base' ? [] : rounds.filter(({ decision }) => decision === 'promoted');
  return {
    checkpoint,
    newSignals: baseHash === null ? 0 : store.newSignals(baseHash),
    gate: {
      signals: gate.signals,
      seldom: gate.seldom.slice(0, SELDOM),
      calibration: calibrationOf(store.forecasts(FORECASTS)),
      held: store.heldBack(now - HELD_DAYS * 86_400_000, HELD),
    },
    days: store.days(now - CHART_DAYS * 86_400_000),
    rounds: rounds.map(roundInfo),
    checkpoints: baseHash === null ? [] : store.checkpoints(baseHash).map((c) => checkpointInfo(c, storageDir)),
    sizes: {
      cacheBytesAToken,
      rememberedEdits: memory.size,
      memoryBytes: memory.bytes,
      adapterBytes: checkpoint === 'base' ? 0 : sizeOf(checkpointDir(storageDir, checkpoint)),
      learnedSignals: promoted.reduce((sum, { signals }) => sum + signals, 0),
    },
    stored: {
      folder: storageDir,
      suggestions,
      written,
      oldestAt,
      databaseBytes: bytes,
      checkpointBytes: sizeOf(checkpointsDir(storageDir)),
    },
  };
}

/** The prompt of a snapshot, cut where a file's header or another of the format's marks stands. */
export function promptView(snapshot: Snapshot, { format, tokenizer }: Pick<Base, 'format' | 'tokenizer'>): PromptView {
  const { ids, hash } = format.ask(snapshot).prompt;
  const header = tokenizer.special('<filename>');
  const parts: number[][] = [];
  for (const id of ids) {
    if (id === header || tokenizer.isControl(id) || parts.length === 0) parts.push([]);
    parts.at(-1)!.push(id);
  }
  const text = (part: readonly number[]): string =>
    Buffer.concat(part.map((id) => tokenizer.bytes(id))).toString('utf8');
  return { format: format.name, hash, parts: parts.map((part) => ({ tokens: part.length, text: text(part) })) };
}

function roundInfo({
  id,
  started,
  ended,
  device,
  signals,
  steps,
  ...round
}: ReturnType<Store['rounds']>[number]): RoundInfo {
  const { lossBefore, lossAfter, decision, reason, checkpoint } = round;
  return {
    id,
    started,
    ended,
    device,
    signals,
    steps,
    lossBefore,
    lossAfter,
    decision,
    reason: reason ?? '',
    checkpoint,
  };
}

function checkpointInfo(
  { id, created, state, reason }: ReturnType<Store['checkpoints']>[number],
  storageDir: string,
): CheckpointInfo {
  return { id, created, state, reason, usable: existsSync(checkpointDir(storageDir, id)) };
}

/** Bytes of all files under a folder; 0 if there is none. */
function sizeOf(folder: string): number {
  if (!existsSync(folder)) return 0;
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const size = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return files.reduce((sum, { parentPath, name }) => sum + size(join(parentPath, name)), 0);
}
