import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelText } from '../../src/editor/model-text.ts';
import type { ModelEntry } from '../../src/engine/protocol.ts';

const model: ModelEntry = {
  id: 'qwen2.5-coder-0.5b',
  path: '/blobs/sha256-1',
  isDefault: false,
  title: 'Qwen2.5-Coder 0.5B',
  keeper: 'Ollama: qwen2.5-coder:0.5b',
  parameters: 494_000_000,
  quantisation: 'Q8_0',
  licence: 'Apache-2.0',
  bytes: 531_068_128,
  memoryBytes: 2.2e9,
  speed: { p50Ms: 187, isMeasured: false },
  forCode: true,
  serves: false,
  refusal: null,
};

test('a model that lies here: size, licence, where, memory, speed', () => {
  assert.deepEqual(modelText(model, 8e9), {
    label: '$(file-binary) Qwen2.5-Coder 0.5B',
    description: '494 M parameters · Q8_0 · 532 MB · Apache-2.0',
    detail: 'Ollama: qwen2.5-coder:0.5b · needs 2.2 GB of memory · about 190 ms a suggestion here',
  });
});

test('one to fetch, one in use, one too large, one that Knack cannot run', () => {
  const text = (changes: Partial<ModelEntry>, machine = 8e9): string => {
    const { label, description, detail } = modelText({ ...model, ...changes }, machine);
    return `${label} | ${description} | ${detail}`;
  };
  const fetched = text({ path: null, keeper: null, bytes: null, quantisation: null, speed: null, parameters: 1.54e9 });
  assert.equal(
    fetched,
    '$(cloud-download) Qwen2.5-Coder 0.5B | 1.5 B parameters · Apache-2.0 | needs 2.2 GB of memory · speed not measured yet',
  );
  assert.match(
    text({ serves: true, speed: { p50Ms: 71.4, isMeasured: true } }),
    /^\$\(check\).*in use.*71 ms a suggestion, measured here$/,
  );
  assert.match(text({}, 2e9), /needs 2\.2 GB of memory, more than this machine has/);
  assert.match(
    text({ refusal: 'it is of the family “mamba”; Knack runs Llama and Qwen 2', licence: null }),
    /^\$\(circle-slash\).*licence unknown.*cannot be used: it is of the family “mamba”/,
  );
});
