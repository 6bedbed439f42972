/** A safetensors file of any size that takes no room: its tensors are holes. */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { parseConfig } from '../../src/model/config.ts';
import { expectedTensors } from '../../src/model/layout.ts';

/** @param config as in config.json; every tensor is BF16 zeros */
export function writeHollow(path: string, config: unknown): void {
  const header: Record<string, unknown> = {};
  let at = 0;
  for (const [name, shape] of expectedTensors(parseConfig(config))) {
    const bytes = 2 * shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype: 'BF16', shape, data_offsets: [at, (at += bytes)] };
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = openSync(path, 'w');
  writeSync(file, Buffer.concat([length, json]));
  ftruncateSync(file, 8 + json.length + at);
  closeSync(file);
}
