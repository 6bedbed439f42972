/**
 * Entry of the process that replays a repository for its user, at low priority: the arms `frozen` and `copy` over its
 * last commits, and the page that says what came of it. Nothing leaves the machine.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { config as configureTexts, t } from '@vscode/l10n';
import { armKinds } from './arms.ts';
import type { FromReplay, ReplayJob } from './message.ts';
import { htmlPage } from './page.ts';
import { lastCommits, sentence } from './sentence.ts';
import { runSession, type Settings } from './session.ts';
import { fingerprintOf, openSource } from './source.ts';

/** dist/, with the grammars and the other process's script; media/ lies beside it. */
const DIST = dirname(process.argv[1]!);
const WORKER = join(DIST, 'replay-worker.cjs');
const MEDIA = join(DIST, '..', 'media', 'replay');
/** Single asks on the page, about. */
const MOMENTS = 1000;
const TELL_EVERY_MS = 500;
/** The time left is that of the last minute's pace. */
const PACE_MS = 60_000;

process.on('message', (job: ReplayJob) => {
  void run(job);
});
// The window is gone, or the user has cancelled: nobody waits for this.
process.on('disconnect', () => process.exit(0));
process.on('error', () => process.exit(0)); // a message that was on its way then

async function run(job: ReplayJob): Promise<void> {
  try {
    setPriority(constants.priority.PRIORITY_LOW);
  } catch {
    // Some systems do not allow it; one thread is what is left.
  }
  try {
    send(await replayRepository(job));
  } catch (error) {
    send({ type: 'failed', message: (error as Error).message });
  }
}

async function replayRepository(job: ReplayJob): Promise<FromReplay> {
  if (job.texts !== null) configureTexts({ fsPath: job.texts });
  const { repository, git, last, exclude, folder, model, cacheDir, adapter } = job;
  const history = openSource(repository, { git, last, exclude });
  const fingerprint = fingerprintOf(repository, { git, last, exclude });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const settings: Settings = {
    arms: armKinds(['frozen', 'copy']),
    span: { since: null, limit: null, signals: null, every: 1 },
    seed: 0,
    workers: 1,
    sequence: false,
    idle: 64,
    canary: null,
    taste: null,
    // What ships was trained on the default model.
    place: { model, cacheDir, adapter: model === null ? adapter : null, code: join(DIST, '..', 'media', 'code') },
    grammars: join(DIST, 'grammars'),
    moments: MOMENTS,
    worker: WORKER,
    logs: folder,
    code: codeDigest(),
    learning: '',
  };
  let told = 0;
  let past: { readonly time: number; readonly asks: number }[] = [];
  const { report, moments } = await runSession([{ source: repository, history, fingerprint }], settings, {
    begin() {},
    end() {},
    progress(_, asks, total) {
      const time = Date.now();
      if (time - told < TELL_EVERY_MS) return;
      told = time;
      past = [...past.filter((p) => time - p.time < PACE_MS), { time, asks }];
      const first = past[0]!;
      const pace = (asks - first.asks) / (time - first.time);
      send({ type: 'progress', share: asks / total, secondsLeft: pace > 0 ? (total - asks) / pace / 1000 : null });
    },
  });
  const commits = lastCommits(report.sources[0]!.commits);
  const media = (name: string): string => readFileSync(join(MEDIA, name), 'utf8');
  const html = htmlPage({
    report,
    moments,
    commits,
    footer: t('Knack {0}: Replay This Repository. Made on this machine, and kept on it.', job.version),
    language: job.language,
    style: media('page.css'),
    script: media('page.js'),
  });
  const page = join(folder, `${fingerprint.slice(0, 16)}.html`);
  writeFileSync(page, html, { mode: 0o600 });
  return { type: 'done', page, sentence: sentence(report.pooled.arms, commits) };
}

/** Of all that answers depend on beside the model. */
function codeDigest(): string {
  const digest = createHash('sha256');
  for (const file of [process.argv[1]!, WORKER]) digest.update(readFileSync(file));
  return digest.digest('hex');
}

function send(message: FromReplay): void {
  process.send?.(message);
}
