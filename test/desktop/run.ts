/**
 * `npm run test:desktop`: the round of the end-to-end test in the desktop's VS Code, through @vscode/test-electron,
 * serving and training included. Downloads VS Code unless KNACK_VSCODE names its program. The last line is the round
 * as JSON; the exit status is 0 only if it was whole.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { downloadAndUnzipVSCode, runTests } from '@vscode/test-electron';
import { build as bundle } from 'esbuild';
import { baseModel } from '../../scripts/base-model.ts';
import { build } from '../../scripts/build.ts';
import {
  extensionsDir,
  type Profile,
  QUIET_SETTINGS,
  userDataDir,
  writeSettings,
} from '../../scripts/editor/server.ts';
import { ROOT } from '../../scripts/paths.ts';
import { main, step, UserError } from '../../scripts/progress.ts';
import { scorePlace } from '../../scripts/score.ts';
import { defaultCacheDir } from '../../src/model/cache.ts';
import { endedRounds, outcomes, query } from '../e2e/harness/database.ts';
import { PLAIN_TYPING } from '../e2e/harness/editor.ts';
import { emptyRound, isWhole, ROUND_SETTINGS, type Round } from '../e2e/harness/round.ts';
import { copySample, lineFor, NEW_PLACE, snapshotAt } from '../e2e/harness/scenario.ts';
import type { InEditorResult } from './in-editor.ts';

/** The version that the other end-to-end tests run on, as code-server has it. */
const VERSION = '1.139.1';

await main(async () => {
  if (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) {
    console.warn('There is no display: VS Code will not open a window. On Linux, run this under "xvfb-run -a".');
  }
  await step('Building', build);
  const tests = join(ROOT, 'dist', 'desktop-test.cjs');
  await bundle({
    entryPoints: [join(import.meta.dirname, 'in-editor.ts')],
    outfile: tests,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['vscode'],
    define: { 'import.meta.dirname': '__dirname' },
  });
  await step('Model (98 MB, once)', baseModel);
  const vscodeExecutablePath = await step(`VS Code ${VERSION}`, download);

  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'knack-desktop-')));
  const round = emptyRound();
  try {
    await step('A round in the editor', () => play(dir, vscodeExecutablePath, tests, round));
  } finally {
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    console.log(JSON.stringify(round));
  }
  return isWhole(round) ? 0 : 1;
});

/** Path of VS Code's program. */
async function download(): Promise<string> {
  const given = process.env.KNACK_VSCODE;
  if (given) {
    if (!existsSync(given)) throw new UserError(`KNACK_VSCODE names ${given}, which is not there.`);
    return given;
  }
  const cachePath = join(defaultCacheDir(), 'editors', 'vscode-test');
  mkdirSync(cachePath, { recursive: true });
  try {
    return await downloadAndUnzipVSCode({ version: VERSION, cachePath, extensionDevelopmentPath: ROOT });
  } catch (error) {
    throw new UserError(
      `VS Code could not be downloaded from update.code.visualstudio.com (${(error as Error).message}).\n` +
        'Name the program of an installed one with KNACK_VSCODE, or run "npm run test:e2e": the same round in code-server.',
    );
  }
}

async function play(dir: string, vscodeExecutablePath: string, tests: string, round: Round): Promise<void> {
  const workspace = join(dir, 'corner-shop');
  copySample(workspace);
  const profile: Profile = { dir, env: {} };
  writeSettings(profile, { ...QUIET_SETTINGS, ...PLAIN_TYPING, ...ROUND_SETTINGS });
  const resultFile = join(dir, 'result.json');
  const root = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const profileArguments = ['--user-data-dir', userDataDir(profile), '--extensions-dir', extensionsDir(profile)];
  const quiet = ['--disable-workspace-trust', '--disable-telemetry', '--skip-welcome', '--disable-gpu'];
  await runTests({
    vscodeExecutablePath,
    extensionDevelopmentPath: ROOT,
    extensionTestsPath: tests,
    launchArgs: [workspace, ...profileArguments, ...quiet, ...root],
    extensionTestsEnv: {
      KNACK_READY_FILE: join(dir, 'ready'),
      KNACK_TEST_WORKSPACE: workspace,
      KNACK_TEST_RESULT: resultFile,
    },
  });
  const storageDir = join(userDataDir(profile), 'User', 'globalStorage', 'knack.knack');
  const result: InEditorResult = JSON.parse(readFileSync(resultFile, 'utf8'));
  await complete(round, result, storageDir, workspace);
}

/** Adds what the database says, and the scores. The editor has ended. */
async function complete(round: Round, result: InEditorResult, storageDir: string, workspace: string): Promise<void> {
  const trained = endedRounds(storageDir).find(({ checkpoint }) => checkpoint === result.checkpointAfter);
  Object.assign(round, result, {
    accepted: outcomes(storageDir).accepted ?? 0,
    signalRows: query<{ n: number }>(storageDir, 'SELECT count(*) AS n FROM event')[0]?.n ?? 0,
    trainSteps: trained?.steps ?? null,
    lossBefore: trained?.loss_before ?? null,
    lossAfter: trained?.loss_after ?? null,
    promoted: trained?.decision === 'promoted',
  });
  const snapshot = snapshotAt(readFileSync(join(workspace, NEW_PLACE.file), 'utf8'), NEW_PLACE);
  const place = { cacheDir: defaultCacheDir(), storageDir, snapshot, text: lineFor(NEW_PLACE) };
  round.logprobBefore = (await scorePlace({ ...place, checkpoint: result.checkpointBefore ?? 'base' })).logprob;
  if (result.checkpointAfter) {
    round.logprobAfter = (await scorePlace({ ...place, checkpoint: result.checkpointAfter })).logprob;
  }
}
