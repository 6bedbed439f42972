/** The ready mark: a file that tells a test from outside how far the extension is. */
import { renameSync, writeFileSync } from 'node:fs';
import type { EngineState } from '../engine/protocol.ts';

/** Writes the mark; a reader finds the old one or the new one, never a part. */
export function writeReadyMark(path: string, { phase, checkpoint, training, message }: EngineState): void {
  const part = `${path}.${process.pid}.part`;
  writeFileSync(part, JSON.stringify({ registered: true, host: process.pid, phase, checkpoint, training, message }));
  renameSync(part, path);
}
