/** What the engine answers on a platform that ONNX Runtime has no library for: that, instead of ending without a word. */
import type { MessageConnection } from 'vscode-jsonrpc';
import { type EngineState, Initialize } from './protocol.ts';

/** @param reason why it cannot run here, a sentence for people */
export function refuse(connection: MessageConnection, reason: string): void {
  const state: EngineState = {
    phase: 'failed',
    message: `Knack cannot run on this machine: ${reason}`,
    checkpoint: 'base',
    training: { phase: 'off', message: '', newSignals: 0 },
    notices: [],
  };
  connection.onRequest(Initialize, () => state);
}
