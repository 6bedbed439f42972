import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IS_ENABLED, patch } from '../../scripts/editor/gate.ts';

const CHECK = 'function Kz(i,p){if(!Xy(i,p))throw new Error(`Extension `+i.id)}';

test('the gate is put back where code-server compiled it away', () => {
  const patched = patch(`a();function Xy(i,p){return!0}${CHECK}`, [IS_ENABLED], 'f.js');
  assert.match(
    patched,
    /function Xy\(i,p\)\{return!!\(i\.enabledApiProposals&&i\.enabledApiProposals\.includes\(p\)\)\}/,
  );
  assert.ok(patched.endsWith(CHECK));
});

for (const [name, text] of [
  ['no such function', `function Xy(i,p){return e}${CHECK}`],
  ['two of them', `function Xy(i,p){return!0}${CHECK}`.repeat(2)],
] as const) {
  test(`a code-server with ${name} is refused`, () => {
    assert.throws(() => patch(text, [IS_ENABLED], 'f.js'), /f\.js: .* expected once/);
  });
}
