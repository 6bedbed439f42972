/**
 * A copy of code-server that refuses proposed API, as VS Code on the desktop does.
 *
 * code-server compiles VS Code's check (`isProposedApiEnabled`) to `return true`, so that an extension that the
 * marketplace's VS Code would refuse passes there. The tests run on a copy in which the check is put back.
 */
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type EditorInstall, vscodeDir } from './install.ts';

interface Replacement {
  readonly from: RegExp;
  readonly to: string;
}

/** The function directly before `checkProposedApiEnabled`, whatever the minifier called the two. */
export const IS_ENABLED: Replacement = {
  from: /function ([\w$]+)\(([\w$]+),([\w$]+)\)\{return!0\}(?=function [\w$]+\(\2,\3\)\{if\(!\1\(\2,\3\)\)throw new Error\(`Extension)/g,
  to: 'function $1($2,$3){return!!($2.enabledApiProposals&&$2.enabledApiProposals.includes($3))}',
};
const ENABLED_FOR_ALL: Replacement = {
  from: /this\._envEnablesProposedApiForAll=!0/g,
  to: 'this._envEnablesProposedApiForAll=!1',
};

/** File, under VS Code's `out`, and what is replaced in it, each exactly once. */
const PATCHES: Readonly<Record<string, readonly Replacement[]>> = {
  'server-main.js': [IS_ENABLED],
  'vs/code/browser/workbench/workbench.js': [IS_ENABLED, ENABLED_FOR_ALL],
  'vs/workbench/api/node/extensionHostProcess.js': [IS_ENABLED],
  'vs/workbench/api/worker/extensionHostWorkerMain.js': [IS_ENABLED],
};

/** Applies replacements to a file's text. Throws unless each pattern occurs exactly once. */
export function patch(text: string, replacements: readonly Replacement[], file: string): string {
  return replacements.reduce((result, { from, to }) => {
    const count = [...result.matchAll(from)].length;
    if (count !== 1)
      throw new Error(`${file}: ${from} occurs ${count} times, expected once. Does the gate fit this code-server?`);
    return result.replace(from, to);
  }, text);
}

/** The gated copy of an installed code-server, made once. Its files are hard links, but for the patched ones. */
export function gatedCopy(install: EditorInstall): EditorInstall {
  const dir = `${install.dir}-gated`;
  const copy = { ...install, dir, entry: install.entry.replace(install.dir, dir) };
  if (existsSync(copy.entry)) return copy;
  const temporary = `${dir}.${process.pid}.tmp`;
  try {
    linkTree(install.dir, temporary);
    for (const [name, replacements] of Object.entries(PATCHES)) {
      const file = join(vscodeDir(temporary), 'out', ...name.split('/'));
      const patched = patch(readFileSync(file, 'utf8'), replacements, name);
      unlinkSync(file); // a write would go through the link into the original
      writeFileSync(file, patched);
    }
    if (!existsSync(dir)) renameSync(temporary, dir);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return copy;
}

function linkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    const stat = lstatSync(source);
    if (stat.isDirectory()) linkTree(source, target);
    else if (stat.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else linkSync(source, target);
  }
}
