/** `npm run learning-report`: docs/learning.md of the replay reports that lie in docs/learning. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { learningPage, type NamedReport, type ReplayReport } from './learning/page.ts';
import { ROOT } from './paths.ts';
import { main, UserError } from './progress.ts';

const FOLDER = join(ROOT, 'docs', 'learning');

/** @throws UserError that names a file which is no report */
export function readReports(folder = FOLDER): { reports: NamedReport[]; notes: string } {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  const reports = files.sort().map((file) => {
    try {
      const report = JSON.parse(readFileSync(join(folder, file), 'utf8')) as ReplayReport;
      if (report.protocol !== 1 || !Array.isArray(report.pooled.arms)) throw new Error('not of protocol 1');
      return { file, report };
    } catch (error) {
      throw new UserError(
        `docs/learning/${file} is no report of npm run replay -- --out: ${(error as Error).message}.`,
      );
    }
  });
  return { reports, notes: readFileSync(join(folder, 'notes.md'), 'utf8') };
}

async function run(): Promise<undefined> {
  const { reports, notes } = readReports();
  writeFileSync(join(ROOT, 'docs', 'learning.md'), learningPage(reports, notes));
  console.log(`docs/learning.md: ${reports.map((r) => r.file).join(', ')}`);
}

if (import.meta.main) await main(run);
