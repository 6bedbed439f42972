/**
 * A git directory (work tree or bare) as a history, by git's plumbing. Nothing of the work tree is read, and every
 * text is checked against its blob id.
 */
import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { diffArrays } from 'diff';
import { type Excluder, excluder } from '../completion/exclude.ts';
import { git, type Repository, run } from './git-run.ts';
import {
  applyHunks,
  blobId,
  type Commit,
  count,
  type FileChange,
  type History,
  type Hunk,
  join,
  ReplayError,
  type Skipped,
  split,
} from './history.ts';
import { languageOf } from './language.ts';
import { changedLines, LARGE, leftOutChange, leftOutCommit, leftOutPath } from './leave-out.ts';

/** Commits whose changes and texts are asked of git at once. */
const BATCH = 50;
const NOTHING = /^0+$/;
const SECRETS = excluder([]);

interface Listed {
  readonly id: string;
  readonly time: number;
}

interface Change {
  readonly path: string;
  /** Blob ids; all zeros where there is no file. */
  readonly oldId: string;
  readonly newId: string;
}

export interface GitOptions {
  /** Only the last so many commits of which something is left; what is older is not read. */
  readonly last?: number;
  /** Path of the program; the first `git` in PATH without it. */
  readonly git?: string;
  /** Patterns of files that are not read, beside those that may hold secrets. */
  readonly exclude?: readonly string[];
}

/** @throws ReplayError if `path` is no git directory, or has no commits */
export function readGit(path: string, { last, git: program = 'git', exclude = [] }: GitOptions = {}): History {
  const dir = resolve(path);
  const repository = { dir, program };
  git(repository, ['rev-parse', '--git-dir']);
  headOf(path, program);
  const skipped: Skipped = new Map();
  return {
    name: basename(dir).replace(/\.git$/, '') || dir,
    skipped,
    *commits() {
      skipped.clear();
      const listed = list(repository, skipped);
      const excluded = excluder(exclude);
      if (last !== undefined) {
        yield* newest(last, listed, (some) => convert(repository, some, excluded, skipped));
        return;
      }
      for (let i = 0; i < listed.length; i += BATCH)
        yield* convert(repository, listed.slice(i, i + BATCH), excluded, skipped);
    },
  };
}

/** The last `wanted` commits of which something is left, oldest first, read from the newest on. */
function newest(wanted: number, listed: readonly Listed[], read: (some: readonly Listed[]) => Iterable<Commit>) {
  let commits: Commit[] = [];
  for (let end = listed.length; end > 0 && commits.length < wanted; end -= BATCH) {
    commits = [...read(listed.slice(Math.max(0, end - BATCH), end)), ...commits];
  }
  return commits.slice(-wanted);
}

/** Id of the commit that is checked out. @throws ReplayError if there is none */
export function headOf(path: string, program = 'git'): string {
  const found = run({ dir: resolve(path), program }, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}']);
  if (found.status !== 0) throw new ReplayError(`${path} has no commits yet: there is nothing to replay.`);
  return found.stdout.toString('latin1').trim();
}

/** Commits that may be replayed, oldest first: no merges, and none whose parent a shallow clone cut off. */
function list(repository: Repository, skipped: Skipped): Listed[] {
  const merges = git(repository, ['rev-list', '--merges', '--count', 'HEAD']).toString('latin1').trim();
  if (merges !== '0') skipped.set('merge', Number(merges));
  const cut = shallowCommits(repository);
  const format = '%H%x00%ct%x00%an%x00%ae%x00%s';
  const log = [
    'log',
    '--reverse',
    '--topo-order',
    '--no-merges',
    '-z',
    '--encoding=UTF-8',
    `--format=tformat:${format}`,
  ];
  const fields = git(repository, log).toString('utf8').split('\0');
  const listed: Listed[] = [];
  for (let i = 0; i + 4 < fields.length; i += 5) {
    const [id, time, authorName, authorEmail, subject] = fields.slice(i, i + 5) as [
      string,
      string,
      string,
      string,
      string,
    ];
    const reason = cut.has(id) ? 'cut off by a shallow clone' : leftOutCommit({ authorName, authorEmail, subject });
    if (reason === null) listed.push({ id, time: Number(time) });
    else count(skipped, reason);
  }
  return listed;
}

function shallowCommits(repository: Repository): Set<string> {
  if (git(repository, ['rev-parse', '--is-shallow-repository']).toString('latin1').trim() !== 'true') return new Set();
  const file = git(repository, ['rev-parse', '--git-path', 'shallow']).toString('utf8').replace(/\n$/, '');
  return new Set(readFileSync(resolve(repository.dir, file), 'latin1').split('\n'));
}

function* convert(
  repository: Repository,
  listed: readonly Listed[],
  excluded: Excluder,
  skipped: Skipped,
): Generator<Commit> {
  const changes = changesOf(repository, listed, excluded, skipped);
  const wanted = new Set([...changes.values()].flat().flatMap((c) => [c.oldId, c.newId]));
  const texts = textsOf(
    repository,
    [...wanted].filter((id) => !NOTHING.test(id)),
  );
  for (const { id, time } of listed) {
    const files = changes.get(id)!.flatMap((change) => convertFile(change, texts, skipped));
    const lines = files.reduce((n, f) => n + changedLines(f.hunks), 0);
    if (files.length > LARGE.files || lines > LARGE.lines) count(skipped, 'very large commit');
    else if (files.length > 0) yield { id, time, files };
    else count(skipped, 'commit with nothing left');
  }
}

function convertFile(
  { path, oldId, newId }: Change,
  texts: Map<string, string | null>,
  skipped: Skipped,
): FileChange[] {
  const before = NOTHING.test(oldId) ? '' : texts.get(oldId)!;
  const after = texts.get(newId)!;
  const skip = (reason: string): FileChange[] => {
    count(skipped, reason);
    return [];
  };
  if (before === null || after === null) return skip('binary, not UTF-8 or huge');
  if (before === after) return skip('nothing but a rename or a mode');
  const hunks = hunksOf(before, after);
  if (hunks === null) return skip('very large change');
  const change: FileChange = { path, languageId: languageOf(path), before, after, hunks };
  const reason = leftOutChange(change);
  return reason === null ? [change] : skip(reason);
}

/** Zero-context hunks between two texts, or null where there is more to change than anybody types. */
export function hunksOf(before: string, after: string): Hunk[] | null {
  const old = split(before);
  const now = split(after);
  // The end of an unended last line is part of it, so that a change of it alone is a hunk.
  const marked = ({ lines, ended }: typeof old) =>
    lines.map((l, i) => (i === lines.length - 1 && !ended ? `${l}\0` : l));
  const parts = diffArrays(marked(old), marked(now), { maxEditLength: 2 * LARGE.fileLines });
  if (parts === undefined) return null;
  const hunks: { startLine: number; oldLines: string[]; newLines: string[] }[] = [];
  let open = false;
  let oldAt = 0;
  let newAt = 0;
  for (const { added, removed, value } of parts) {
    if (!added && !removed) {
      open = false;
      oldAt += value.length;
      newAt += value.length;
      continue;
    }
    if (!open) hunks.push({ startLine: oldAt + 1, oldLines: [], newLines: [] });
    open = true;
    const hunk = hunks.at(-1)!;
    if (removed) hunk.oldLines.push(...old.lines.slice(oldAt, (oldAt += value.length)));
    else hunk.newLines.push(...now.lines.slice(newAt, (newAt += value.length)));
  }
  if (join({ lines: applyHunks(old.lines, hunks), ended: now.ended }) !== after) throw new Error('The diff is wrong.');
  return hunks;
}

/** By its name, or by the user's own patterns. */
function whyExcluded(excluded: Excluder, path: string): string | null {
  if (SECRETS(path) !== null) return 'file that may hold secrets';
  return excluded(path) === null ? null : 'excluded file';
}

/** What each commit changed, in path order, without what is never replayed. */
function changesOf(
  repository: Repository,
  listed: readonly Listed[],
  excluded: Excluder,
  skipped: Skipped,
): Map<string, Change[]> {
  const stdin = listed.map((c) => `${c.id}\n`).join('');
  // Latin-1 keeps the bytes of paths, which need not be UTF-8, apart.
  const fields = git(repository, ['diff-tree', '--stdin', '-r', '-z', '-M', '--root', '--raw', '--no-ext-diff'], stdin)
    .toString('latin1')
    .split('\0');
  const changes = new Map<string, Change[]>(listed.map((c) => [c.id, []]));
  let current: Change[] = [];
  for (let i = 0; i < fields.length - 1; i++) {
    if (!fields[i]!.startsWith(':')) {
      current = changes.get(fields[i]!.trim())!;
      continue;
    }
    const [oldMode, newMode, oldId, newId, status] = fields[i]!.slice(1).split(' ') as [
      string,
      string,
      string,
      string,
      string,
    ];
    i += /^[RC]/.test(status) ? 2 : 1; // the path of a rename or copy is the second one
    const path = utf8(Buffer.from(fields[i]!, 'latin1'));
    const reason =
      path === null
        ? 'path that is not UTF-8'
        : newMode === '160000' || oldMode === '160000'
          ? 'submodule'
          : newMode === '120000' || oldMode === '120000'
            ? 'symbolic link'
            : status === 'D'
              ? 'deleted file'
              : (leftOutPath(path) ?? whyExcluded(excluded, path));
    if (reason === null) current.push({ path: path!, oldId, newId });
    else count(skipped, reason);
  }
  return changes;
}

/** Texts of blobs; null for one that is binary, not UTF-8 or huge. */
function textsOf(repository: Repository, ids: readonly string[]): Map<string, string | null> {
  const texts = new Map<string, string | null>();
  if (ids.length === 0) return texts;
  const sizes = git(repository, ['cat-file', '--batch-check=%(objectname) %(objectsize)'], `${ids.join('\n')}\n`);
  const small = sizes
    .toString('latin1')
    .trimEnd()
    .split('\n')
    .flatMap((line) => {
      const [id, size] = line.split(' ') as [string, string];
      if (size === 'missing') throw new ReplayError(`git does not have the object ${id}: is this a partial clone?`);
      texts.set(id, null);
      return Number(size) <= LARGE.fileCharacters ? [id] : [];
    });
  if (small.length === 0) return texts;
  const answer = git(repository, ['cat-file', '--batch'], `${small.join('\n')}\n`);
  for (let at = 0; at < answer.length; ) {
    const end = answer.indexOf(10, at);
    const [id, , size] = answer.toString('latin1', at, end).split(' ') as [string, string, string];
    const bytes = answer.subarray(end + 1, end + 1 + Number(size));
    at = end + 1 + Number(size) + 1;
    const actual = blobId(bytes, id.length === 64 ? 'sha256' : 'sha1');
    if (actual !== id)
      throw new ReplayError(`The blob ${id} of ${repository.dir} is damaged: its bytes have the id ${actual}.`);
    texts.set(id, bytes.includes(0) ? null : utf8(bytes));
  }
  return texts;
}

function utf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null; // not UTF-8: the caller counts it
  }
}
