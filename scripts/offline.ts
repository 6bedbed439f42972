/**
 * `npm run test:offline`: the VSIX alone in a fresh code-server, on a machine that is cut off from every network but
 * itself (a network namespace of Linux), with the model in the cache: it installs, suggests, and stores an accept.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { outcomes } from '../test/e2e/harness/database.ts';
import { TestEditor } from '../test/e2e/harness/editor.ts';
import { askFor } from '../test/e2e/harness/round.ts';
import { copySample, PLACES } from '../test/e2e/harness/scenario.ts';
import { until } from '../test/e2e/harness/wait.ts';
import { baseModel } from './base-model.ts';
import { ensureChromium } from './editor/chromium.ts';
import { gatedCopy } from './editor/gate.ts';
import { installEditor } from './editor/install.ts';
import { onInterrupt, run } from './process.ts';
import { main, step, UserError } from './progress.ts';
import { hostVsix } from './vsix.ts';

/** Marks the run inside of the namespace; its value is the VSIX. */
const INSIDE = 'KNACK_OFFLINE_VSIX';

await main(async () => {
  const inside = process.env[INSIDE];
  return inside === undefined ? outside() : cutOff(inside);
});

/** Fetches what is needed, then runs this file again without a network. */
async function outside(): Promise<number> {
  if (process.platform !== 'linux') throw new UserError('Network namespaces are there on Linux only.');
  await step('The editor', async (detail) => gatedCopy(await installEditor(detail)));
  await step('A browser', ensureChromium);
  await step('The model', baseModel);
  const vsix = await step('Building the extension', hostVsix);
  const inner = `ip link set lo up && exec "$0" "$1"`;
  const args = ['--net', '--map-root-user', 'sh', '-c', inner, process.execPath, import.meta.filename];
  const { status, output } = await run('unshare', args, { env: { ...process.env, [INSIDE]: vsix.path } });
  console.log(output.trimEnd());
  if (status !== 0) throw new UserError('See above. Where unshare is not permitted, this test cannot be run.');
  return 0;
}

async function cutOff(vsix: string): Promise<number> {
  if (await reachesAnything()) throw new Error('There is a network after all.');
  console.log('  no network: an address outside cannot be reached');
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'knack-offline-')));
  onInterrupt(async () => rmSync(dir, { recursive: true, force: true }));
  const workspace = join(dir, 'corner-shop');
  copySample(workspace);
  const editor = await TestEditor.start({ vsix, extensionId: 'knack.knack', workspace });
  try {
    await editor.ready();
    const place = PLACES[0]!;
    // A machine that is busy with other things may take its time.
    const suggestion = (await askFor(editor, workspace, place)) ?? (await editor.requestGhostText(60_000));
    await editor.press('Tab');
    await until('the accept in the database', 20_000, () =>
      outcomes(editor.storageDir).accepted === 1 ? true : undefined,
    );
    console.log(`  installed from the VSIX, ready, ${JSON.stringify(suggestion)} suggested, accepted and stored`);
    return 0;
  } finally {
    await editor.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Whether a connection to an address of the internet gets anywhere, be it to a refusal. */
function reachesAnything(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '1.1.1.1', port: 443, timeout: 3_000 });
    const end = (reached: boolean): void => {
      socket.destroy();
      resolve(reached);
    };
    socket.on('connect', () => end(true));
    socket.on('timeout', () => end(true)); // a route, at least
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code !== 'ENETUNREACH'));
  });
}
