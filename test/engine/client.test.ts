import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Snapshot } from '../../src/completion/snapshot.ts';
import { type ClientOptions, EngineClient, EngineUnavailable, type Outbox } from '../../src/engine/client.ts';
import type { EngineState, InitializeParams } from '../../src/engine/protocol.ts';
import type { SignalEvent } from '../../src/signals/signal.ts';

const ENGINE = join(import.meta.dirname, 'client-engine.ts');
const never = new AbortController().signal;

class List implements Outbox {
  events: SignalEvent[] = [];
  add(event: SignalEvent): void {
    this.events.push(event);
  }
  pending(): readonly SignalEvent[] {
    return this.events;
  }
  ack(ids: readonly string[]): void {
    this.events = this.events.filter((e) => !ids.includes(e.eventId));
  }
}

function snapshot(languageId: string, before = 'let x'): Snapshot {
  return { path: 'a.ts', languageId, before, after: '', startLine: 0, recent: [] };
}

function signal(eventId: string): SignalEvent {
  return { type: 'typed-instead', eventId, at: 1, suggestionId: 's', text: 'x' };
}

/** A client on a folder of its own, which waits for the states that it is told. */
function start(t: TestContext, options: Partial<ClientOptions> = {}, begin = true) {
  const dir = mkdtempSync(join(tmpdir(), 'knack-client-'));
  const params: InitializeParams = {
    storageDir: dir,
    cacheDir: dir,
    windowId: 'w',
    texts: null,
    trusted: true,
    settings: {
      modelPath: null,
      maxNewTokens: 8,
      eagerness: 'medium',
      memory: { enabled: true },
      training: {
        enabled: true,
        minSignals: 16,
        idleSeconds: 60,
        onBattery: false,
        memoryMb: 1536,
        tokenBudget: 20000,
        device: 'auto',
      },
      retention: { days: 90, megabytes: 500 },
    },
  };
  const states: EngineState[] = [];
  const logs: string[] = [];
  let look = (): void => {};
  const outbox = new List();
  const client = new EngineClient({
    file: ENGINE,
    nodePath: null,
    params,
    outbox,
    log: (level, message) => {
      logs.push(`${level} ${message}`);
      look();
    },
    onState: (state) => {
      states.push(state);
      look();
    },
    ...options,
    times: { backoff: [5, 10], hung: 60_000, flushAgain: 20, farewell: 5_000, ...options.times },
  });
  t.after(async () => {
    await client.dispose();
    rmSync(dir, { recursive: true, force: true });
  });
  if (begin) client.start();
  return {
    client,
    dir,
    params,
    outbox,
    states,
    logs,
    /** Resolves once the condition holds; looked at on each state, log line, and a few times a second. */
    until: async (what: string, condition: () => boolean): Promise<void> => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      look = () => condition() && resolve();
      const again = setInterval(look, 20);
      const late = setTimeout(() => reject(new Error(`never: ${what}\n${logs.join('\n')}`)), 20_000);
      look();
      await promise.finally(() => {
        clearInterval(again);
        clearTimeout(late);
      });
    },
    ready: () => client.state.phase === 'ready',
    read: (name: string): string => readFileSync(join(dir, name), { encoding: 'utf8', flag: 'a+' }),
  };
}

test('starts, completes, records, reports its state, and ends', async (t) => {
  process.env.NODE_OPTIONS = '--no-warnings';
  t.after(() => {
    delete process.env.NODE_OPTIONS;
  });
  const e = start(t);
  assert.deepEqual(await e.client.complete(snapshot('ts'), never, 1000), { none: 'engine-unavailable' });
  await e.until('ready', e.ready);
  assert.match(e.read('said.txt'), /initialize trusted=true .* options=undefined/);
  const completion = await e.client.complete(snapshot('ts', 'const answer'), never, 60_000);
  assert.equal('edit' in completion && completion.edit.text, 'after nst answer');

  e.client.record([signal('one'), signal('two')]);
  await e.until('stored', () => e.outbox.events.length === 0);
  assert.equal(e.read('stored.txt'), 'one\ntwo\n');

  assert.deepEqual(await e.client.trainNow(), { started: true, reason: '' });
  await e.until('training', () => e.client.state.training.phase === 'running');
  e.client.activity(77);
  e.client.configure({ ...e.params.settings, maxNewTokens: 9 }, false, null);
  await e.client.deleteAll();
  await e.until('said', () => /activity 77\nconfigure false 9\ndeleted\n$/.test(e.read('said.txt')));
  await e.until('log', () => e.logs.includes('info hello') && e.logs.includes('warn engine: deleting'));

  const pid = e.client.pid!;
  await e.client.dispose();
  assert.throws(() => process.kill(pid, 0), 'the process is gone');
  await assert.rejects(e.client.trainNow(), EngineUnavailable);
});

test('signals that come before the engine are stored once it is there', async (t) => {
  const e = start(t, {}, false);
  e.client.record([signal('early')]);
  e.client.start();
  await e.until('stored', () => e.outbox.events.length === 0);
  assert.equal(e.read('stored.txt'), 'early\n');
});

test('killed between show and accept: the next run gets what happened', async (t) => {
  const e = start(t);
  await e.until('ready', e.ready);
  const shown = await e.client.complete(snapshot('ts'), never, 60_000);
  assert.ok('edit' in shown);
  const first = e.client.pid!;
  process.kill(first, 'SIGKILL');
  e.client.record([signal('accepted')]);
  await e.until('stored', () => e.outbox.events.length === 0);
  assert.notEqual(e.client.pid, first);
  assert.match(e.read('stored.txt'), /accepted\n$/);
  assert.ok(e.states.some((s) => s.phase === 'starting' && /SIGKILL.*started again/.test(s.message)));
});

test('killed after storing but before saying so: the signal is sent again, and ready to be known by its id', async (t) => {
  const e = start(t, { times: { backoff: [5, 5, 5, 5, 5, 5] } });
  await e.until('ready', e.ready);
  e.client.record([signal('last words')]);
  await e.until('sent twice', () => e.read('stored.txt') === 'last words\nlast words\n');
  assert.deepEqual(e.outbox.events.map((s) => s.eventId), ['last words']); // biome-ignore format: a row
  e.outbox.ack(['last words']);
});

test('signals that are not stored are kept and sent again', async (t) => {
  const e = start(t);
  await e.until('ready', e.ready);
  writeFileSync(join(e.dir, 'refuse'), 'b');
  e.client.record([signal('a'), signal('b'), signal('c')]);
  await e.until('kept', () => e.logs.some((l) => l.includes('stored none of 1 signals')));
  assert.deepEqual(e.outbox.events.map((s) => s.eventId), ['b']); // biome-ignore format: a row
  writeFileSync(join(e.dir, 'refuse'), '');
  await e.until('stored', () => e.outbox.events.length === 0);
  assert.equal(e.read('stored.txt'), 'a\nc\nb\n');
});

test('dies while it is asked: no suggestion, and a new run', async (t) => {
  const e = start(t);
  await e.until('ready', e.ready);
  assert.deepEqual(await e.client.complete(snapshot('die'), never, 60_000), { none: 'engine-unavailable' });
  await e.until('ready again', () => e.states.filter((s) => s.phase === 'ready').length === 2);
  assert.ok('edit' in (await e.client.complete(snapshot('ts'), never, 60_000)));
});

test('cancelling settles at once and reaches the engine', async (t) => {
  const e = start(t);
  await e.until('ready', e.ready);
  const abort = new AbortController();
  const waiting = e.client.complete(snapshot('slow'), abort.signal, 60_000);
  await e.until('the engine is at it', () => e.read('said.txt').includes('asked'));
  abort.abort();
  assert.deepEqual(await waiting, { none: 'cancelled' });
  await e.until('the engine heard it', () => e.read('said.txt').includes('cancelled'));
  assert.deepEqual(await e.client.complete(snapshot('ts'), abort.signal, 60_000), { none: 'cancelled' });
});

test('hung: the deadline holds, and the process is ended and replaced', async (t) => {
  const e = start(t, { times: { hung: 300 } });
  await e.until('ready', e.ready);
  const first = e.client.pid;
  assert.deepEqual(await e.client.complete(snapshot('hang'), never, 20), { none: 'cancelled' });
  await e.until('another run', () => e.ready() && e.client.pid !== first);
  assert.ok(e.logs.some((l) => l.includes('has not answered "complete"')));
});

test('hung at the end: ended the hard way', async (t) => {
  const e = start(t, { times: { farewell: 100 } });
  await e.until('ready', e.ready);
  const pid = e.client.pid!;
  await e.client.complete(snapshot('hang'), never, 5);
  await e.client.dispose();
  assert.throws(() => process.kill(pid, 0), 'the process is gone');
});

test('crashes at every start: fails visibly after a few, and can be started anew', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'knack-crash-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'engine.mjs');
  writeFileSync(file, 'console.error("no such thing"); process.exit(3);');
  const e = start(t, { file });
  await e.until('failed', () => e.client.state.phase === 'failed');
  assert.equal(e.states.filter((s) => s.message.includes('being started again')).length, 2);
  assert.match(e.client.state.message, /exited with code 3.*Restart Engine/);
  assert.ok(e.logs.includes('warn engine: no such thing'));
  e.client.record([signal('kept')]);
  assert.deepEqual(await e.client.complete(snapshot('ts'), never, 10), { none: 'engine-unavailable' });

  writeFileSync(file, `import(${JSON.stringify(pathToFileURL(ENGINE).href)});`);
  await e.client.restart();
  await e.until('stored', () => e.outbox.events.length === 0);
  assert.equal(e.read('stored.txt'), 'kept\n');
});

test('stopped and started: what is waiting is stored first, and nothing runs in between', async (t) => {
  const e = start(t);
  await e.until('ready', e.ready);
  const pid = e.client.pid!;
  e.client.record([signal('before')]);
  await e.client.stop();
  assert.throws(() => process.kill(pid, 0), 'the process is gone');
  assert.equal(e.read('stored.txt'), 'before\n');
  e.client.record([signal('between')]);
  e.client.start();
  await e.until('stored', () => e.outbox.events.length === 0);
  assert.equal(e.read('stored.txt'), 'before\nbetween\n');
  // Changed one's mind: it goes on running.
  const stopping = e.client.stop();
  e.client.start();
  await stopping;
  assert.ok(e.ready());
});

test('a trap of the runtime: the advice names knack.nodePath', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'knack-trap-'));
  t.after(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'engine.mjs'), 'process.kill(process.pid, "SIGTRAP"); setInterval(() => {}, 1000);');
  const e = start(t, { file: join(dir, 'engine.mjs'), times: { backoff: [] } });
  await e.until('failed', () => e.client.state.phase === 'failed');
  assert.match(e.client.state.message, /SIGTRAP.*knack\.nodePath/);
});

test("a Node of the user's own: used if it is one, said so if it is not", async (t) => {
  const e = start(t, { nodePath: '/no/such/node', times: { backoff: [] } });
  await e.until('failed', () => e.client.state.phase === 'failed');
  assert.match(e.client.state.message, /could not be started.*knack\.nodePath/);
  e.client.configure(e.params.settings, true, process.execPath);
  await e.until('ready', e.ready);
  assert.ok(e.read('said.txt').includes(`node=${process.execPath} `));
});

test('another model: another engine, which is told of it from the start', async (t) => {
  const e = start(t);
  await e.until('ready', e.ready);
  const first = e.client.pid;
  e.client.configure({ ...e.params.settings, maxNewTokens: 9 }, true, null);
  await e.until('told', () => e.read('said.txt').endsWith('configure true 9\n'));
  assert.equal(e.client.pid, first);
  e.client.configure({ ...e.params.settings, modelPath: '/models/own.gguf' }, true, null);
  await e.until('another run', () => e.read('said.txt').split('initialize').length === 3 && e.ready());
  assert.notEqual(e.client.pid, first);
});

test('a platform without ONNX Runtime: the engine says so, and suggestions are unavailable', async (t) => {
  const run = start(t, { file: join(import.meta.dirname, 'unsupported-engine.ts') });
  await run.until('failed', () => run.client.state.phase === 'failed');
  assert.equal(
    run.client.state.message,
    'Knack cannot run on this machine: onnxruntime-node has no library for darwin-x64.',
  );
  assert.deepEqual(await run.client.complete(snapshot('typescript'), never, 1_000), { none: 'engine-unavailable' });
});
