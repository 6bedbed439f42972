import type { Database } from 'better-sqlite3';

/** Whether something was put in right behind an accepted text; NULL in rows that were stored before. */
export const name = 'gone on';

export function up(db: Database): void {
  db.exec('ALTER TABLE survival ADD COLUMN gone_on INTEGER CHECK (gone_on IN (0, 1))');
}
