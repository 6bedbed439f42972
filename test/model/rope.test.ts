/** Rotary positions against transformers, for each scaling that a config may ask for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSession, float32 } from '../../src/engine/runtime.ts';
import { makeGraph } from '../../src/graph/graph.ts';
import { input } from '../../src/graph/value.ts';
import { parseConfig } from '../../src/model/config.ts';
import { attentionContext } from '../../src/model/network.ts';
import { rotaryFrequencies, rotaryTables } from '../../src/model/rope.ts';
import { readNumbers, relativeError } from './golden.ts';

interface Case {
  readonly config: unknown;
  readonly frequencies: number[];
  readonly cos: number[][];
  readonly sin: number[][];
}

const POSITIONS = [0, 1, 511, 8191];

for (const [scaling, golden] of Object.entries(readNumbers<Record<string, Case>>('network/rotary'))) {
  test(`${scaling}: frequencies and angles up to position 8191 are those of transformers`, async () => {
    const config = parseConfig(golden.config);
    assert.ok(relativeError(rotaryFrequencies(config), golden.frequencies) < 1e-6);

    const positions = input('positions', 'float32', ['T']);
    const { rotary } = attentionContext(config, positions, input('mask', 'float32', ['T', 'T']), 1, null);
    const session = await createSession(makeGraph('rotary', { ...rotary.key }), {
      threads: 1,
    });
    const { cos, sin } = await session.run({ positions: float32([POSITIONS.length], POSITIONS) });
    const known = rotaryTables(config, POSITIONS, 1);
    // A float32 angle of 8191 radians has a step of 5e-4.
    for (const each of [cos!.data as Float32Array, known.cos]) assert.ok(relativeError(each, golden.cos.flat()) < 2e-3);
    for (const each of [sin!.data as Float32Array, known.sin]) assert.ok(relativeError(each, golden.sin.flat()) < 2e-3);
    await session.release();
  });
}
