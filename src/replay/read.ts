/**
 * Reads a replay file: gzip'd JSONL, one commit a line.
 *
 * Every line is parsed as strictly as a stranger's: a field of the wrong kind, a hunk that does not fit, or a text
 * whose blob id is another is an error that names the line, as every later text would be built on it.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  applyHunks,
  blobId,
  type Commit,
  type FileChange,
  type History,
  type Hunk,
  join,
  type Lines,
  ReplayError,
  split,
} from './history.ts';

type Fields = Record<string, unknown>;

/** @throws ReplayError if the file cannot be read or is no gzip */
export function readReplay(path: string): History {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(gunzipSync(readFileSync(path)));
  } catch (error) {
    throw new ReplayError(`${path} is no replay file (gzip'd JSONL in UTF-8): ${(error as Error).message}`);
  }
  const lines = split(text).lines;
  if (lines.length === 0) throw new ReplayError(`${path} holds no commits.`);
  const name = at(path, 1, () => string(parse(lines[0]!), 'repo'));
  return {
    name: name || basename(path),
    skipped: new Map(),
    *commits() {
      const states = new Map<string, string>();
      for (const [i, line] of lines.entries()) yield at(path, i + 1, () => readCommit(parse(line), states));
    },
  };
}

function at<T>(path: string, line: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ReplayError)) throw error;
    throw new ReplayError(`${path}, line ${line}: ${error.message}.`);
  }
}

function parse(line: string): Fields {
  try {
    return object(JSON.parse(line), 'the line');
  } catch (error) {
    if (error instanceof ReplayError) throw error;
    throw new ReplayError(`no JSON (${(error as Error).message})`);
  }
}

/** @param states text that the replay last left at each path; brought up to date */
function readCommit(fields: Fields, states: Map<string, string>): Commit {
  const files = array(fields, 'files').map((f) => readFile(object(f, 'a file'), states));
  return { id: string(fields, 'commit'), time: number(fields, 'time'), files };
}

function readFile(fields: Fields, states: Map<string, string>): FileChange {
  const path = string(fields, 'path');
  try {
    const { lines, ended } = textBefore(fields, path, states);
    const hunks = readHunks(fields, 'hunks');
    const [, endedAfter] = ends(fields);
    const before = join({ lines, ended });
    const after = join({ lines: applyHunks(lines, hunks), ended: endedAfter });
    const sha = string(fields, 'sha');
    if (blobId(after) !== sha) throw new ReplayError(`the text after has the blob id ${blobId(after)}, not ${sha}`);
    states.set(path, after);
    return { path, languageId: string(fields, 'lang'), before, after, hunks };
  } catch (error) {
    if (!(error instanceof ReplayError)) throw error;
    throw new ReplayError(`${JSON.stringify(path)}: ${error.message}`);
  }
}

function textBefore(fields: Fields, path: string, states: Map<string, string>): Lines {
  const base = string(fields, 'base');
  if (base === 'new') return split('');
  if (base === 'full') return split(string(fields, 'before'));
  if (base !== 'state' && base !== 'patch') throw new ReplayError(`"base" is ${JSON.stringify(base)}`);
  const old = fields.old_path === undefined ? undefined : states.get(string(fields, 'old_path'));
  const state = old ?? states.get(path);
  if (state === undefined) throw new ReplayError('its text before is missing: no earlier line left one');
  if (base === 'state') return split(state);
  return { lines: applyHunks(split(state).lines, readHunks(fields, 'sync')), ended: ends(fields)[0] };
}

function readHunks(fields: Fields, key: string): Hunk[] {
  return array(fields, key).map((h) => {
    const hunk = object(h, 'a hunk');
    const startLine = number(hunk, 'start_line');
    if (!Number.isInteger(startLine)) throw new ReplayError(`"start_line" is ${startLine}`);
    return { startLine, oldLines: strings(hunk, 'old_lines'), newLines: strings(hunk, 'new_lines') };
  });
}

/** Whether the last line is ended, before and after. */
function ends(fields: Fields): [boolean, boolean] {
  if (fields.nl === undefined) return [true, true];
  const [before, after, ...more] = array(fields, 'nl');
  if (typeof before === 'boolean' && typeof after === 'boolean' && more.length === 0) return [before, after];
  throw new ReplayError('"nl" is no pair of booleans');
}

function object(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new ReplayError(`${what} is no object`);
}

function string(fields: Fields, key: string): string {
  const value = fields[key];
  if (typeof value === 'string') return value;
  throw new ReplayError(`"${key}" is no text`);
}

function number(fields: Fields, key: string): number {
  const value = fields[key];
  if (typeof value === 'number') return value;
  throw new ReplayError(`"${key}" is no number`);
}

function array(fields: Fields, key: string): unknown[] {
  const value = fields[key];
  if (Array.isArray(value)) return value;
  throw new ReplayError(`"${key}" is no list`);
}

function strings(fields: Fields, key: string): string[] {
  const values = array(fields, key);
  // A line that holds a line end would move every line after it.
  if (values.every((v) => typeof v === 'string' && !v.includes('\n'))) return values as string[];
  throw new ReplayError(`"${key}" is no list of lines`);
}
