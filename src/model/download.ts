/**
 * Downloads one file of known size and SHA-256 over HTTP, resuming where an earlier attempt stopped.
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from './alive.ts';
import { fileError, ModelError } from './errors.ts';
import { syncFolder, temporarySuffix } from './file.ts';

export interface KnownFile {
  readonly bytes: number;
  readonly sha256: string;
}

export interface DownloadOptions {
  readonly fetch?: typeof fetch;
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: (done: number) => void;
  /** Give up an attempt after so long without an answer or a byte. */
  readonly stallMs?: number;
  /** Attempts in a row that may bring nothing new. */
  readonly attempts?: number;
  /** Pause before the second attempt; doubles with each. */
  readonly pauseMs?: number;
}

/** The server said no, and will say so again. */
class Refusal extends Error {}

/**
 * Downloads `url` to `target`, whose folder exists. What has arrived lies beside it as `<name>.<owner>.partial`; if the
 * process dies, the next one takes it over. The target appears only after size and hash were right.
 *
 * Throws ModelError 'download' with the reason if the file cannot be had or is not the known one (what came is then
 * deleted), 'disk', or the signal's reason if cancelled.
 */
export async function downloadFile(
  url: string,
  target: string,
  known: KnownFile,
  options: DownloadOptions = {},
): Promise<void> {
  for (let restarted = false; ; restarted = true) {
    const partial = await adoptPartial(target, known.bytes);
    const resumed = (await sizeOf(partial)) > 0;
    let keep = true;
    try {
      const sha256 = await fill(url, partial, known, options);
      if (sha256 === known.sha256) {
        await rename(partial, target);
        await syncFolder(dirname(target));
        return;
      }
      keep = false;
      // A damaged start would spoil every attempt, so one more from nothing.
      if (resumed && !restarted) continue;
      throw new ModelError(
        'download',
        `what ${url} sent has the SHA-256 ${sha256}, not ${known.sha256}: refused and deleted`,
      );
    } catch (error) {
      if (error instanceof Refusal) throw new ModelError('download', error.message, { cause: error });
      throw fileError(error, partial);
    } finally {
      if (keep) await release(partial, target);
      else await rm(partial, { force: true });
    }
  }
}

/** Completes the partial file and returns its SHA-256. */
async function fill(url: string, partial: string, known: KnownFile, options: DownloadOptions): Promise<string> {
  const { attempts = 3, pauseMs = 1000, signal } = options;
  const file = await open(partial, 'a+');
  try {
    let { size } = await file.stat();
    let hash = await hashSoFar(partial);
    const sink: Sink = {
      get size() {
        return size;
      },
      async append(bytes) {
        if (size + bytes.length > known.bytes)
          throw new Refusal(`${url} sent more than the ${known.bytes} bytes of the file`);
        await file.appendFile(bytes).catch((error) => {
          throw fileError(error, partial);
        });
        hash.update(bytes);
        size += bytes.length;
        options.onBytes?.(size);
      },
      async restart() {
        await file.truncate(0);
        hash = createHash('sha256');
        size = 0;
      },
    };
    options.onBytes?.(size);
    for (let fruitless = 0; size < known.bytes; ) {
      signal?.throwIfAborted();
      const before = size;
      try {
        await attempt(url, sink, known, options);
        if (size < known.bytes) throw new Error(`${url} stopped after ${size} of ${known.bytes} bytes`);
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof Refusal || error instanceof ModelError) throw error;
        fruitless = size > before ? 1 : fruitless + 1;
        if (fruitless >= attempts) throw new Refusal(`${url}: ${reason(error)}`, { cause: error });
        await sleep(pauseMs * 2 ** (fruitless - 1), undefined, signal ? { signal } : {});
      }
    }
    await file.sync();
    return hash.digest('hex');
  } finally {
    await file.close();
  }
}

interface Sink {
  readonly size: number;
  append(bytes: Uint8Array): Promise<void>;
  restart(): Promise<void>;
}

/** One request, from where the file ends. Returns when the server has sent all that it wanted to. */
async function attempt(url: string, sink: Sink, known: KnownFile, options: DownloadOptions): Promise<void> {
  const { stallMs = 30_000, signal } = options;
  const stall = new AbortController();
  const timer = setTimeout(() => stall.abort(new Error(`nothing came for ${Math.round(stallMs / 1000)} s`)), stallMs);
  try {
    const response = await (options.fetch ?? fetch)(url, {
      // Compressed, the sizes in the headers would mean something else.
      headers: { 'accept-encoding': 'identity', ...(sink.size > 0 ? { range: `bytes=${sink.size}-` } : {}) },
      signal: signal ? AbortSignal.any([signal, stall.signal]) : stall.signal,
    });
    const { status } = response;
    if (status === 206) {
      const [, from, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '') ?? [];
      if (Number(from) !== sink.size) throw new Error(`${url} resumed at ${from} instead of ${sink.size}`);
      if (total !== '*') checkSize(url, total ?? null, known);
    } else if (status === 200) {
      checkSize(url, response.headers.get('content-length'), known);
      if (sink.size > 0) await sink.restart(); // a server without ranges sends all of it again
    } else {
      await response.body?.cancel();
      if (status === 416) return sink.restart();
      const text = `${url} answered ${status} ${response.statusText}`.trim();
      throw status >= 500 || status === 408 || status === 429 ? new Error(text) : new Refusal(text);
    }
    for await (const bytes of response.body ?? []) {
      timer.refresh();
      await sink.append(bytes as Uint8Array);
    }
  } catch (error) {
    throw stall.signal.aborted ? stall.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

function checkSize(url: string, claimed: string | null, known: KnownFile): void {
  if (claimed !== null && Number(claimed) !== known.bytes) {
    throw new Refusal(`${url} has ${claimed} bytes, and the file that is wanted has ${known.bytes}: refused`);
  }
}

async function hashSoFar(path: string): Promise<Hash> {
  const hash = createHash('sha256');
  for await (const bytes of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(bytes as Buffer);
  return hash;
}

/** fetch hides what happened in its cause. */
function reason(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message ? `${message} (${cause.message})` : message;
}

/** A partial file that its owner has not touched for so long is nobody's, wherever the owner ran. */
const ABANDONED_MS = 10 * 60_000;
const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);

/**
 * A partial file of our own: the longest one that nobody works on, or a new name. The rename decides: of two processes
 * that want the same file, one gets it. Containers may share a cache folder but not process ids, hence the host.
 */
async function adoptPartial(target: string, mostBytes: number): Promise<string> {
  const folder = dirname(target);
  const own = `${target}.${HOST}-${temporarySuffix()}.partial`;
  const names = (await readdir(folder)).filter(
    (name) => name.startsWith(`${basename(target)}.`) && name.endsWith('.partial'),
  );
  const found: { path: string; size: number }[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const info = await stat(path).catch(() => null);
    if (info === null) continue;
    const [, host, pid] = /\.([0-9a-f]{8})-(\d+)-[0-9a-f]+\.tmp\.partial$/.exec(name) ?? [];
    const free =
      host === undefined || Date.now() - info.mtimeMs > ABANDONED_MS || (host === HOST && !isAlive(Number(pid)));
    if (!free) continue;
    if (info.size > mostBytes) await rm(path, { force: true });
    else found.push({ path, size: info.size });
  }
  found.sort((a, b) => b.size - a.size);
  for (const [i, { path }] of found.entries()) {
    const taken = await rename(path, own).then(
      () => true,
      () => false,
    );
    if (!taken) continue;
    for (const rest of found.slice(i + 1)) await rm(rest.path, { force: true });
    break;
  }
  return own;
}

/** Leaves a partial file for whoever comes next. */
async function release(partial: string, target: string): Promise<void> {
  if ((await sizeOf(partial)) === 0) await rm(partial, { force: true });
  else await rename(partial, `${target}.free-${temporarySuffix()}.partial`).catch(() => undefined);
}

function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
