/**
 * `npm test`: everything that CI runs. `all`: checks, build, unit tests, end-to-end tests; `unit` and `e2e` run a part,
 * and take test files as arguments. Ends with one summary, that of Node's test runner, over all tests that ran.
 */

import { once } from 'node:events';
import { globSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { run as runTests } from 'node:test';
import { spec } from 'node:test/reporters';
import { build } from './build.ts';
import { check } from './check.ts';
import { ROOT } from './paths.ts';
import { onInterrupt } from './process.ts';
import { main, step, UserError } from './progress.ts';

/** Counts of a run, in the order in which Node's own summary lists them. */
const COUNTS = ['tests', 'suites', 'passed', 'failed', 'cancelled', 'skipped', 'todo'] as const;
type Counts = Record<(typeof COUNTS)[number], number>;

/** Files that are told as the slowest. */
const SLOWEST = 12;

const isUnit = (file: string) => !/^test\/(e2e|desktop|sample|golden|host)\//.test(file);
const testFiles = () => globSync('test/**/*.test.ts', { cwd: ROOT }).map((file) => file.replaceAll('\\', '/'));

/** One report over several runs of the test runner, so that there is one list of failures and one summary at the end. */
class Report {
  readonly #reporter = new spec();
  readonly #counts: Counts = { tests: 0, suites: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0 };
  readonly #empty: string[] = [];
  /** What the tests of each file took, in milliseconds. */
  readonly #times = new Map<string, number>();
  readonly #begin = Date.now();
  #success = true;

  constructor() {
    this.#reporter.pipe(process.stdout);
  }

  /**
   * Runs test files, at most `concurrency` at a time, and adds them to the report.
   * Throws if there are none: a pattern that matches nothing would pass otherwise.
   */
  async add(files: readonly string[], concurrency: number): Promise<void> {
    if (files.length === 0) throw new UserError('No test files were found.');
    const before = this.#counts.tests;
    for await (const event of runTests({ files: files.map((file) => resolve(ROOT, file)), concurrency })) {
      const { type, data } = event as { type: string; data: Record<string, unknown> };
      if (type === 'test:summary') {
        if (data.file === undefined) this.#count(data as { counts: Counts; success: boolean });
        continue;
      }
      if (isSummaryLine(type, data)) continue;
      this.#time(type, data);
      // A file that holds no tests is reported as one test that passed, with the file's name.
      if (type === 'test:pass' && data.name === data.file) this.#empty.push(String(data.file));
      if (!this.#reporter.write(event)) await once(this.#reporter, 'drain');
    }
    if (this.#counts.tests === before) throw new UserError(`No tests ran in ${files.length} files.`);
  }

  /** Writes the summary; resolves with whether all tests passed. */
  async end(): Promise<boolean> {
    const slowest = [...this.#times].sort(([, a], [, b]) => b - a).slice(0, SLOWEST);
    for (const [file, ms] of slowest) this.#tell(`${relative(ROOT, file)}: ${(ms / 1000).toFixed()} s`);
    const lines = COUNTS.map(
      (name) => `${name === 'passed' ? 'pass' : name === 'failed' ? 'fail' : name} ${this.#counts[name]}`,
    );
    for (const line of [...lines, `duration_ms ${Date.now() - this.#begin}`]) this.#tell(line);
    this.#reporter.end();
    await once(this.#reporter, 'end');
    for (const file of this.#empty) console.error(`error: ${file} holds no tests`);
    return this.#success && this.#empty.length === 0 && this.#counts.failed === 0 && this.#counts.cancelled === 0;
  }

  #tell(message: string): void {
    this.#reporter.write({ type: 'test:diagnostic', data: { nesting: 0, message, level: 'info' } });
  }

  #time(type: string, data: Record<string, unknown>): void {
    if ((type !== 'test:pass' && type !== 'test:fail') || data.nesting !== 0) return;
    const { duration_ms: ms } = data.details as { duration_ms: number };
    this.#times.set(String(data.file), (this.#times.get(String(data.file)) ?? 0) + ms);
  }

  #count({ counts, success }: { counts: Counts; success: boolean }): void {
    for (const name of COUNTS) this.#counts[name] += counts[name];
    this.#success &&= success;
  }
}

/** The runner's own summary of one run: lines that belong to no file. */
function isSummaryLine(type: string, data: Record<string, unknown>): boolean {
  return (
    type === 'test:diagnostic' &&
    data.file === undefined &&
    /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(String(data.message))
  );
}

await main(async () => {
  const [part = 'all', ...given] = process.argv.slice(2);
  onInterrupt(async () => {});
  if (part === 'all') await check();
  if (part !== 'unit') await step('Building', build);
  const report = new Report();
  const chosen = (unit: boolean) => (given.length > 0 ? given : testFiles().filter((file) => isUnit(file) === unit));
  if (part !== 'e2e') await report.add(chosen(true), 2);
  if (part !== 'unit')
    await report.add(
      chosen(false).filter((file) => !file.startsWith('test/desktop/')),
      1,
    );
  return (await report.end()) ? 0 : 1;
});
