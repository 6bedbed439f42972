/** What package.json promises of the extension: where it runs, how its commands and settings are found and understood. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ROOT } from '../../scripts/paths.ts';
import { RULES } from '../../src/editor/settings.ts';

const read = (file: string) => JSON.parse(readFileSync(join(ROOT, file), 'utf8'));
const manifest = read('package.json');
const texts: Record<string, string> = read('package.nls.json');
const textOf = (key: string): string => texts[key.slice(1, -1)]!;
const { commands, keybindings, configuration } = manifest.contributes as {
  commands: { command: string; title: string; category: string }[];
  keybindings: { command: string; key: string; when: string }[];
  configuration: { properties: Record<string, { markdownDescription: string; scope: string }> }[];
};

describe('the manifest', () => {
  test('the extension runs where the files are, and the engine with it', () => {
    assert.deepEqual(manifest.extensionKind, ['workspace']);
    assert.equal(manifest.capabilities.virtualWorkspaces, false);
    assert.equal(manifest.capabilities.untrustedWorkspaces.supported, 'limited');
  });

  test('nothing is loaded before VS Code has started', () => {
    assert.deepEqual(manifest.activationEvents, ['onStartupFinished']);
  });

  test('all commands are under one category', () => {
    assert.deepEqual([...new Set(commands.map((c) => c.category))], ['Knack']);
  });

  test('Tab is Knack’s for a next edit alone, and nobody else’s who wants it', () => {
    const tabs = keybindings.filter((k) => k.key === 'tab');
    assert.deepEqual(
      tabs.map((k) => k.command),
      ['knack.nextEdit.tab'],
    );
    const others = [
      '!inlineSuggestionVisible',
      '!suggestWidgetVisible',
      '!inSnippetMode',
      '!editorTabMovesFocus',
      '!editorReadonly',
      '!editorHasSelection',
      '!editorHasMultipleSelections',
      'knack.nextEditTab',
      "(!vim.active || vim.mode == 'Insert')",
      "(!neovim.init || neovim.mode == 'insert')",
    ];
    const conditions = tabs[0]!.when.split(' && ');
    for (const other of others) assert.ok(conditions.includes(other), other);
  });

  test('Escape is left to vscode-neovim, and goes on to VSCodeVim', () => {
    for (const { when, ...key } of keybindings.filter((k) => k.key === 'escape')) {
      const forVim = 'args' in key && key.args === 'extension.vim_escape';
      assert.match(when, forVim ? /vim\.active && vim\.mode == 'Insert'/ : /!vim\.active && !neovim\.init/);
    }
  });

  test('each setting is parsed, and says in a sentence what it does', () => {
    const settings = Object.assign({}, ...configuration.map((c) => c.properties)) as Record<
      string,
      { markdownDescription: string }
    >;
    assert.deepEqual(
      Object.keys(settings).sort(),
      Object.keys(RULES)
        .map((name) => `knack.${name}`)
        .sort(),
    );
    for (const [name, { markdownDescription }] of Object.entries(settings)) {
      assert.match(textOf(markdownDescription), /^[A-Z].{10,}\.$/s, name);
    }
  });
});
