/** Answers of a tiny model on a device, as the server gives them: `device-serving.ts DEVICE`. Prints JSON. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadBase } from '../../src/engine/base.ts';
import { BASE } from '../../src/engine/checkpoint.ts';
import type { Device } from '../../src/engine/device.ts';
import { Server } from '../../src/engine/serve.ts';
import { loraSize } from '../../src/model/lora.ts';
import { loraFor } from '../../src/trainer/plan.ts';
import { seeded } from '../../src/trainer/random.ts';
import { writeTinyModel } from '../model/tiny.ts';
import { at } from './real-engine.ts';

/** What one of the requests brought. */
export interface Served {
  readonly text: string;
  readonly tokenLogprobs: readonly number[];
}

if (import.meta.main) {
  const dir = mkdtempSync(join(tmpdir(), 'knack-serving-'));
  try {
    writeTinyModel(join(dir, 'tiny'));
    const base = await loadBase(join(dir, 'tiny'), join(dir, 'cache'), () => {});
    const shape = loraFor(base.model.config, 1536);
    const server = await Server.start(base, shape, BASE, 1);
    await server.moveTo(process.argv[2] as Device);
    const served: Served[] = [];
    const ask = async (text: string): Promise<void> => {
      const answer = await server.complete(at(text), 16, () => false);
      if ('none' in answer) throw new Error(answer.none);
      served.push({ text: answer.edit.text, tokenLogprobs: answer.tokenLogprobs });
    };
    await ask('const a = 1;\nlet u');
    await ask('const a = 1;\nlet uv');
    const random = seeded(7);
    const vector = Float32Array.from({ length: loraSize(base.model.config, shape) }, () => 0.1 * (random() - 0.5));
    await server.swap({ checkpoint: 'personal', adapter: { shape, vector } });
    await ask('const a = 1;\nlet uv');
    await server.rest();
    await ask('const a = 1;\nlet w');
    console.log(JSON.stringify({ device: server.device, served }));
    await server.release();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
