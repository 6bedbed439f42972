/** What a VSIX has to hold, and what it must not: looked at each time one is made. */
import { readFileSync } from 'node:fs';
import { UserError } from './progress.ts';

/** Largest file to publish, in bytes; the model is not part of it. */
export const MOST_BYTES = 60_000_000;

/** Files without which the extension does not work, or is not fit to be seen. */
export const NEEDED: readonly string[] = [
  'package.json',
  'package.nls.json',
  'package.nls.de.json',
  'readme.md',
  'changelog.md',
  'LICENSE.txt',
  'l10n/bundle.l10n.de.json',
  'media/icon.png',
  'media/ghost-text-dark.png',
  'media/walkthrough/quiet.md',
  'media/walkthrough/learn.de.md',
  'media/code/canary.jsonl',
  'media/model/adapter_model.safetensors',
  'media/model/adapter_config.json',
  'media/model/knack.json',
  'dist/extension.cjs',
  'dist/engine.cjs',
  'dist/grammars.cjs',
  'dist/panel.js',
  'dist/train.cjs',
  'dist/probe.cjs',
  'dist/prepare.cjs',
  'dist/THIRD-PARTY.txt',
  'node_modules/better-sqlite3/lib/index.js',
  'node_modules/onnxruntime-node/dist/index.js',
  'node_modules/onnxruntime-common/dist/cjs/index.js',
];

const NATIVE = /\.(node|dll|dylib|exe|so(\.\d+)*)$/;

/** Sources, tests and tools have no place in it. */
const FOREIGN = /\.tsx?$|(^|\/)(test|src|scripts|tools|docs)\/|\.(env|pem|vsix|map\.gz)$/;

/**
 * @param natives the target's native files, paths as in the checkout
 * @throws UserError that names what is wrong
 */
export function checkVsix(path: string, natives: readonly string[]): void {
  const zip = readFileSync(path);
  const entries = zipEntries(zip);
  const files = entries.filter((name) => name.startsWith('extension/')).map((name) => name.slice('extension/'.length));
  const found = files.filter((name) => NATIVE.test(name));
  const wrong = [
    ...NEEDED.filter((name) => !files.includes(name)).map((name) => `${name} is missing`),
    ...natives.filter((name) => !found.includes(name)).map((name) => `${name} is missing`),
    ...found.filter((name) => !natives.includes(name)).map((name) => `${name} is of another platform`),
    ...files.filter((name) => FOREIGN.test(name)).map((name) => `${name} does not belong there`),
    ...(zip.length > MOST_BYTES ? [`it has ${zip.length} bytes, more than ${MOST_BYTES}`] : []),
  ];
  if (wrong.length > 0) throw new UserError(`${path}:\n  ${wrong.join('\n  ')}`);
}

/** Names of a zip file's entries, from its directory (PKWARE APPNOTE 4.3.12; no zip64). */
export function zipEntries(zip: Buffer): string[] {
  const end = zip.lastIndexOf('PK\u0005\u0006', undefined, 'latin1');
  if (end < 0) throw new UserError('This is no zip file.');
  const names: string[] = [];
  let at = zip.readUInt32LE(end + 16);
  for (let n = zip.readUInt16LE(end + 10); n > 0; n--) {
    const [name, extra, comment] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    names.push(zip.toString('utf8', at + 46, at + 46 + name));
    at += 46 + name + extra + comment;
  }
  return names;
}
