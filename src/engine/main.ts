/** Entry of the engine's process: a connection to the extension host over Node's IPC. */
import { dirname, join } from 'node:path';
import { createMessageConnection, IPCMessageReader, IPCMessageWriter } from 'vscode-jsonrpc/node';
import { missingProvider } from './device.ts';
import { thisPlatform } from './devices.ts';
import type { Engine } from './engine.ts';
import { leaveEngineEnvironment } from './environment.ts';
import { refuse } from './unsupported.ts';

if (process.send === undefined) {
  console.error("This is Knack's engine: the extension starts it.");
  process.exit(2);
}

leaveEngineEnvironment(process.env);
const connection = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process));
const own = dirname(process.argv[1]!);
const missing = missingProvider('cpu', thisPlatform());
let engine: Engine | null = null;

let ending = false;
async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  await engine?.dispose().catch(() => undefined);
  process.exit(0);
}
// The extension host is gone, or asked for the end.
process.on('disconnect', end);
process.on('SIGTERM', end);

if (missing !== null) {
  refuse(connection, missing);
  connection.listen();
} else {
  // Loaded here and not above: without ONNX Runtime's library the module does not load at all.
  void import('./engine.ts').then(({ Engine }) => {
    const [trainer, probe, prepare] = ['train', 'probe', 'prepare'].map((name) => join(own, `${name}.cjs`));
    engine = new Engine(connection, { trainer: trainer!, probe: probe!, prepare: prepare! });
    connection.listen();
  });
}
