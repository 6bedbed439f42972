/** Reads Knack's database from outside, while the engine has it open. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

/** Runs a query on the database in a storage folder; no rows while there is no database yet. */
export function query<Row>(storageDir: string, sql: string, ...parameters: unknown[]): Row[] {
  const path = join(storageDir, 'knack.db');
  if (!existsSync(path)) return [];
  const database = new Database(path, { readonly: true });
  try {
    return database.prepare(sql).all(...parameters) as Row[];
  } finally {
    database.close();
  }
}

/** A finished training round. */
export interface TrainingRound {
  readonly n: number;
  readonly parent: string | null;
  readonly steps: number;
  readonly loss_before: number | null;
  readonly loss_after: number | null;
  readonly decision: 'promoted' | 'refused' | 'stopped' | 'failed';
  readonly reason: string;
  readonly checkpoint: string | null;
}

/** Training rounds that have ended, oldest first. */
export const endedRounds = (storageDir: string) =>
  query<TrainingRound>(storageDir, 'SELECT * FROM round WHERE ended IS NOT NULL ORDER BY n');

/** How many suggestions had each outcome. */
export function outcomes(storageDir: string): Readonly<Record<string, number>> {
  const rows = query<{ kind: string; n: number }>(storageDir, 'SELECT kind, count(*) AS n FROM outcome GROUP BY kind');
  return Object.fromEntries(rows.map(({ kind, n }) => [kind, n]));
}
