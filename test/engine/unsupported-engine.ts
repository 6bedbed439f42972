/** An engine on a platform without a library of ONNX Runtime. */
import { createMessageConnection, IPCMessageReader, IPCMessageWriter } from 'vscode-jsonrpc/node';
import { missingProvider } from '../../src/engine/device.ts';
import { refuse } from '../../src/engine/unsupported.ts';

process.on('disconnect', () => process.exit(0));
const connection = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process));
refuse(connection, missingProvider('cpu', { os: 'darwin', arch: 'x64', musl: false, files: [] })!);
connection.listen();
