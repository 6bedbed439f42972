/** The licences of the packages that are bundled into dist/, as one text that ships with the extension. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @param inputs paths of all files in the bundles, relative to `root`, as esbuild's metafile names them.
 * @returns name, version, licence id and licence text of each package among them, sorted by name.
 */
export function thirdPartyNotices(root: string, inputs: readonly string[]): string {
  const folders = new Set(
    inputs.flatMap((input) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []),
  );
  const notices = [...folders].map((folder) => {
    const dir = join(root, folder);
    const { name, version, license } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
    const file = readdirSync(dir).find((entry) => /^(licen[cs]e|copying)(\.|-|$)/i.test(entry));
    const text =
      file && existsSync(join(dir, file)) ? readFileSync(join(dir, file), 'utf8').trim() : `Licence: ${license}`;
    return { key: `${name} ${version}`, notice: `${name} ${version} (${license})\n\n${text}\n` };
  });
  notices.sort((a, b) => (a.key < b.key ? -1 : 1));
  return notices.map(({ notice }) => notice).join(`\n${'-'.repeat(80)}\n\n`);
}
