/**
 * Makes media/code/{canary,ordinary}.jsonl: stretches of ordinary code, one JSON object a line.
 *
 * `canary` judges a candidate (its loss may not rise), `ordinary` is mixed into training against forgetting. They
 * come from different repositories, and neither is ever a report or tune repository.
 *
 *     node scripts/code-samples.ts <folder of replay files>
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const REPOSITORIES = {
  canary: { 'honojs+hono': 12, 'simonw+sqlite-utils': 10, 'charmbracelet+bubbletea': 10 },
  ordinary: { 'sindresorhus+execa': 40, 'simonw+llm': 40, 'nanostores+nanostores': 16 },
} as const;
const LANGUAGES = new Set(['typescript', 'javascript', 'python', 'go', 'tsx', 'ts', 'js', 'py']);
const CHARS = 1400;

interface Commit {
  commit: string;
  files: { path: string; lang: string; base: string; before?: string }[];
}

const folder = process.argv[2];
if (folder === undefined) throw new Error('Name the folder of replay files, for example ../shared/replays/train.');
mkdirSync('media/code', { recursive: true });
for (const [name, wanted] of Object.entries(REPOSITORIES)) {
  const lines: string[] = [];
  for (const [repository, count] of Object.entries(wanted))
    lines.push(...samples(join(folder, `${repository}.jsonl.gz`), repository, count));
  writeFileSync(`media/code/${name}.jsonl`, lines.join(''));
  console.log(`${name}: ${lines.length} samples`);
}

/** One stretch a file, spread over the history, beginning at a line's start. */
function samples(file: string, repository: string, count: number): string[] {
  const byPath = new Map<string, { commit: string; text: string }>();
  for (const line of gunzipSync(readFileSync(file)).toString('utf8').split('\n')) {
    if (line === '') continue;
    const commit = JSON.parse(line) as Commit;
    for (const f of commit.files) {
      const text = f.before ?? '';
      if (LANGUAGES.has(f.lang) && text.length > 2 * CHARS && !byPath.has(f.path))
        byPath.set(f.path, { commit: commit.commit, text });
    }
  }
  const all = [...byPath];
  const step = Math.max(1, Math.floor(all.length / count));
  return all
    .filter((_, i) => i % step === 0)
    .slice(0, count)
    .map(([path, { commit, text }]) => {
      const start = text.indexOf('\n', Math.floor(text.length / 3)) + 1;
      const cut = text.slice(start, start + CHARS);
      return `${JSON.stringify({ source: repository.replace('+', '/'), commit, path, text: cut.slice(0, cut.lastIndexOf('\n') + 1) })}\n`;
    });
}
