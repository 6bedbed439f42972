import type { Database } from 'better-sqlite3';
import { editAtCursor } from '../../completion/edit.ts';

/**
 * A suggestion may change text anywhere in its window. What older rows hold, text at the cursor in place of so many
 * units after it, is the same edit by its places.
 */
export const name = 'edits';

export function up(db: Database): void {
  const columns = ['edit_start_line', 'edit_start_character', 'edit_end_line', 'edit_end_character'] as const;
  for (const column of columns) db.exec(`ALTER TABLE offer ADD COLUMN ${column} INTEGER NOT NULL DEFAULT 0`);
  const place =
    (edge: 'start' | 'end', part: 'line' | 'character') => (before: unknown, line: unknown, after: unknown) =>
      editAtCursor({ before: before as string, startLine: line as number }, '', after as number)[edge][part];
  const places = { edit_start_line: ['start', 'line'], edit_start_character: ['start', 'character'] } as const;
  const ends = { edit_end_line: ['end', 'line'], edit_end_character: ['end', 'character'] } as const;
  for (const [column, [edge, part]] of Object.entries({ ...places, ...ends })) {
    // SQLite counts characters, an editor UTF-16 units.
    db.function(`knack_${column}`, { deterministic: true }, place(edge, part));
    db.exec(`UPDATE offer SET ${column} = knack_${column}(before, start_line, replace_after)`);
  }
  db.exec('ALTER TABLE offer DROP COLUMN replace_after');
}
