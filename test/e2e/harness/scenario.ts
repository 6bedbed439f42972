/**
 * One kind of edit in the sample project: a function begins by saying its name to the trace.
 *
 * The places were chosen by what SmolLM2-135M does, tuned or not: with the functions above them traced, it suggests the
 * line; in the new place, where nothing is traced, it does not think of it (log-probability about -17).
 */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { Snapshot } from '../../../src/completion/snapshot.ts';

export const SAMPLE = join(import.meta.dirname, '..', '..', 'sample');

export interface Place {
  /** Path in the workspace. */
  readonly file: string;
  readonly function: string;
}

/** Where the line is missing and the base suggests it, in the order of the tour. */
export const PLACES: readonly Place[] = [
  { file: 'src/orders.ts', function: 'findOrder' },
  { file: 'src/orders.ts', function: 'closeOrder' },
  { file: 'src/customers.ts', function: 'livingIn' },
  { file: 'src/customers.ts', function: 'renameCustomer' },
  { file: 'src/stock.ts', function: 'take' },
  { file: 'src/prices.ts', function: 'totalPrice' },
  { file: 'src/prices.ts', function: 'reducePrice' },
];

/** A similar place in a file that knows nothing of the trace. */
export const NEW_PLACE: Place = { file: 'src/invoices.ts', function: 'sendInvoice' };

export const INDENT = '  ';

/** The line to add in a place, without its indent. */
export const lineFor = (place: Place) => `trace('${place.function}');`;

/** End of the line that opens a function's body, counted from 1, as editors do. */
export function openingOf(text: string, place: Place): { line: number; column: number } {
  const lines = text.split('\n');
  const at = lines.findIndex((line) => line.startsWith(`export function ${place.function}(`));
  const opening = lines[at];
  if (opening === undefined) throw new Error(`${place.file} has no function ${place.function}`);
  return { line: at + 1, column: opening.length + 1 };
}

/** What an editor holds once a new, indented line was opened at the start of the function's body. */
export function snapshotAt(text: string, place: Place): Snapshot {
  const lines = text.split('\n');
  const { line } = openingOf(text, place);
  const opening = lines[line - 1]!;
  return {
    path: place.file,
    languageId: 'typescript',
    before: `${lines.slice(0, line).join('\n')}\n${INDENT}`,
    after: `\n${lines.slice(line).join('\n')}`,
    startLine: 0,
    recent: [{ path: place.file, line: line - 1, removed: opening, added: `${opening}\n${INDENT}` }],
  };
}

/** Copies the sample project. */
export function copySample(to: string): void {
  cpSync(SAMPLE, to, { recursive: true });
}
