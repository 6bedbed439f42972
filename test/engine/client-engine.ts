/**
 * A small engine with no model: it speaks the protocol and keeps signals in a file, and does what the snapshot's
 * language id says: `hang` never answers anything again, `die` kills itself, `slow` waits to be cancelled.
 */
import { appendFileSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createMessageConnection, IPCMessageReader, IPCMessageWriter } from 'vscode-jsonrpc/node';
import { editAtCursor } from '../../src/completion/edit.ts';
import {
  Activity,
  Complete,
  Configure,
  DeleteAll,
  type EngineState,
  Initialize,
  Log,
  Record,
  StateChanged,
  TrainNow,
} from '../../src/engine/protocol.ts';

const ready: EngineState = {
  phase: 'ready',
  message: '',
  checkpoint: 'base',
  training: { phase: 'waiting', message: '', newSignals: 0 },
  notices: [],
};
let storage = '';
const said = (line: string): void => appendFileSync(join(storage, 'said.txt'), `${line}\n`);

process.on('disconnect', () => process.exit(0));
const client = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process));
client.onRequest(Initialize, ({ storageDir, trusted }) => {
  storage = storageDir;
  said(`initialize trusted=${trusted} node=${process.execPath} options=${process.env.NODE_OPTIONS}`);
  void client.sendNotification(Log, { level: 'info', message: 'hello' });
  return ready;
});
client.onNotification(Configure, ({ trusted, settings }) => said(`configure ${trusted} ${settings.maxNewTokens}`));
client.onNotification(Activity, ({ at }) => said(`activity ${at}`));
client.onRequest(Complete, async ({ snapshot }, token) => {
  if (snapshot.languageId === 'hang') for (;;);
  if (snapshot.languageId === 'die') process.kill(process.pid, 'SIGKILL');
  if (snapshot.languageId === 'slow') {
    said('asked');
    await new Promise((resolve) => token.onCancellationRequested(resolve));
    said('cancelled');
    return { none: 'cancelled' as const };
  }
  const head = snapshot.before.slice(-10);
  return {
    id: `for ${head}`,
    edit: editAtCursor(snapshot, `after ${head}`, 0),
    tokenLogprobs: [-1],
    checkpoint: 'base',
    promptHash: 'f'.repeat(64),
    promptFormat: 'prefix-1',
    latencyMs: 1,
  };
});
client.onRequest(Record, ({ events }) => {
  const stored = readFileSync(join(storage, 'refuse'), { encoding: 'utf8', flag: 'a+' });
  const kept = events.filter((e) => !stored.includes(e.eventId));
  for (const e of kept) appendFileSync(join(storage, 'stored.txt'), `${e.eventId}\n`);
  // Stored, but dead before it could say so.
  if (events.some((e) => e.eventId === 'last words')) process.kill(process.pid, 'SIGKILL');
  return { acked: kept.map((e) => e.eventId) };
});
client.onRequest(TrainNow, () => {
  void client.sendNotification(StateChanged, { ...ready, training: { ...ready.training, phase: 'running' } });
  return { started: true, reason: '' };
});
client.onRequest(DeleteAll, () => {
  writeSync(2, 'deleting\n');
  said('deleted');
});
client.listen();
