import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fallbacks, hostCopies, nodeRuns } from '../../src/engine/profile.ts';

const event = (name: string, op_name: string, provider: string) => {
  return { cat: 'Node', name: `${name}_kernel_time`, dur: 5, args: { op_name, provider } };
};

test('a profile says which provider ran each node', () => {
  const runs = nodeRuns(
    JSON.stringify([
      { cat: 'Session', name: 'model_run', dur: 9, args: {} },
      event('a/Gemm_1', 'Gemm', 'WebGpuExecutionProvider'),
      event('a/Cast_2', 'Cast', 'CPUExecutionProvider'),
      event('a/Gather_3', 'Gather', 'CPUExecutionProvider'),
      event('a/Gather_3', 'Gather', 'CPUExecutionProvider'),
      event('Memcpy', 'MemcpyToHost', 'WebGpuExecutionProvider'),
    ]),
  );
  assert.equal(runs.length, 5);
  assert.deepEqual(runs[0], { node: 'a/Gemm_1', op: 'Gemm', provider: 'WebGpuExecutionProvider', microseconds: 5 });
  assert.deepEqual([...fallbacks(runs, 'WebGpuExecutionProvider')], [['Gather (a/Gather_3)', 2]]);
  assert.equal(hostCopies(runs), 1);
});
