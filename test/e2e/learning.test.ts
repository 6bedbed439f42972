/**
 * The proof: an edit that was accepted a few times in a real editor changes the weights that make the next suggestion.
 *
 * With KNACK_E2E_TRAINING=off the same test runs with training switched off, and must fail.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { baseModel } from '../../scripts/base-model.ts';
import { scorePlace } from '../../scripts/score.ts';
import { hostVsix } from '../../scripts/vsix.ts';
import { defaultCacheDir } from '../../src/model/cache.ts';
import { query } from './harness/database.ts';
import { TestEditor } from './harness/editor.ts';
import { askFor, emptyRound, isWhole, playRound, ROUND_SETTINGS } from './harness/round.ts';
import { copySample, lineFor, type Place, snapshotAt } from './harness/scenario.ts';

/** Least gain of the accepted edit's log-probability in a file that knows nothing of it: e^2, seven times as likely. */
const MARGIN_NATS = 2;
const CANARY_LIMIT = 0.01;

/** A place in a file that knows the trace, whose function the base would begin with something else. */
const SECOND_PLACE: Place = { file: 'src/suppliers.ts', function: 'dropSupplier' };

const OFF = process.env.KNACK_E2E_TRAINING === 'off';

const say = (line: string): void => console.log(`    ${line}`);

describe('an accepted edit', { timeout: 900_000 }, () => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'knack-learning-')));
  const workspace = join(dir, 'corner-shop');
  const cacheDir = defaultCacheDir();
  const round = emptyRound();
  let editor: TestEditor;

  before(async () => {
    copySample(workspace);
    await baseModel(say);
    const vsix = await hostVsix(say);
    const settings = { ...ROUND_SETTINGS, ...(OFF ? { 'knack.training.enabled': false } : {}) };
    editor = await TestEditor.start({ vsix: vsix.path, extensionId: 'knack.knack', workspace, settings });
  });

  after(async () => {
    await editor?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  test('is trained on while nobody types, and promoted', async () => {
    await playRound(editor, { workspace, cacheDir, round, detail: say, trainingTimeoutMs: OFF ? 120_000 : 480_000 });
    say(JSON.stringify(round));
    assert.ok(isWhole(round), JSON.stringify(round));
  });

  test('became more likely in a new place, by the weights alone', () => {
    assert.ok(round.logprobAfter! - round.logprobBefore! > MARGIN_NATS, JSON.stringify(round));
  });

  test('left ordinary code as likely as it was', () => {
    const [row] = query<{ metrics: string }>(
      editor.storageDir,
      `SELECT metrics FROM checkpoint WHERE state = 'current'`,
    );
    const { canaryRise } = JSON.parse(row!.metrics) as { canaryRise: number };
    say(`canary's loss: ${(100 * canaryRise).toFixed(2)} %`);
    assert.ok(canaryRise <= CANARY_LIMIT);
  });

  test('is stored once, with one outcome, the checkpoint and the log-probabilities that suggested it', () => {
    const offers = query<{ checkpoint: string; token_logprobs: string; outcomes: number }>(
      editor.storageDir,
      `SELECT f.checkpoint, f.token_logprobs, (SELECT count(*) FROM outcome o WHERE o.suggestion = f.suggestion) AS outcomes
       FROM offer f JOIN outcome o USING (suggestion) WHERE o.kind = 'accepted'`,
    );
    assert.equal(offers.length, round.accepted);
    for (const { checkpoint, token_logprobs, outcomes } of offers) {
      assert.equal(checkpoint, 'base');
      assert.equal(outcomes, 1);
      const logprobs = JSON.parse(token_logprobs) as number[];
      assert.ok(logprobs.length > 2 && logprobs.every((l) => l <= 0));
    }
  });

  test('is what the editor shows in a similar place, where the base would not', async () => {
    // As it was before the round, so that neither the file nor the recent edits show the accepted lines.
    copySample(workspace);
    await editor.reload();
    const snapshot = snapshotAt(readFileSync(join(workspace, SECOND_PLACE.file), 'utf8'), SECOND_PLACE);
    const place = { cacheDir, storageDir: editor.storageDir, snapshot, text: lineFor(SECOND_PLACE) };
    const base = await scorePlace({ ...place, checkpoint: 'base' });
    const learned = await scorePlace({ ...place, checkpoint: round.checkpointAfter! });
    say(`base: ${JSON.stringify(base)}, learned: ${JSON.stringify(learned)}`);
    assert.notEqual(base.suggestion, lineFor(SECOND_PLACE));
    assert.ok(learned.logprob - base.logprob > MARGIN_NATS);

    assert.equal(await askFor(editor, workspace, SECOND_PLACE), lineFor(SECOND_PLACE));
    await editor.screenshot(join(dir, 'learned.png'));
    await editor.press('Tab');
    const stored = await storedOffer(round.checkpointAfter!);
    assert.equal(stored.text, lineFor(SECOND_PLACE));
    // A suggestion is stored with the log-probabilities of its text, without that of the end.
    const logprobs = JSON.parse(stored.token_logprobs) as number[];
    const [sum, scored] = [logprobs, learned.logprobs.slice(0, logprobs.length)].map((all) =>
      all.reduce((a, b) => a + b, 0),
    );
    assert.ok(Math.abs(sum! - scored!) < 0.05, `${sum} stored, ${scored} scored`);
  });

  /** The offer that a checkpoint made, once it has reached the database. */
  async function storedOffer(checkpoint: string): Promise<{ text: string; token_logprobs: string }> {
    for (let waited = 0; ; waited += 200) {
      const [row] = query<{ text: string; token_logprobs: string }>(
        editor.storageDir,
        `SELECT text, token_logprobs FROM offer WHERE checkpoint = '${checkpoint}' ORDER BY at DESC LIMIT 1`,
      );
      if (row !== undefined) return row;
      if (waited > 20_000) throw new Error(`No suggestion of checkpoint ${checkpoint} reached the database.`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
});
