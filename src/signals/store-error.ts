/** What can be wrong with the database, in words that say what to do. */

export type StoreErrorCode =
  | 'newer' // written by a newer version of Knack: left untouched
  | 'unwritable' // the file or its folder cannot be made or written
  | 'full' // no space left
  | 'locked' // another program keeps it locked
  | 'corrupt'; // not a readable database, and it could not be set aside

export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StoreError';
    this.code = code;
  }
}

/** SQLite's result code (`SQLITE_FULL`) or the system's (`ENOSPC`). */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

export function isCorruption(error: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error));
}

/** The error as a StoreError, or as it is if it says nothing about the file. */
export function asStoreError(error: unknown, path: string): unknown {
  if (error instanceof StoreError) return error;
  const code = codeOf(error);
  const detail = (error as Error).message;
  if (/^SQLITE_FULL|^ENOSPC|^EDQUOT/.test(code)) {
    return new StoreError(
      'full',
      `No space is left for ${path}: free some, or set knack.retention lower. (${detail})`,
      error,
    );
  }
  if (/^SQLITE_(BUSY|LOCKED)|^EBUSY/.test(code)) {
    return new StoreError(
      'locked',
      `Another program keeps ${path} locked: close it, then reload the window. (${detail})`,
      error,
    );
  }
  if (
    /^SQLITE_(READONLY|CANTOPEN|PERM|AUTH|IOERR)|^(EACCES|EPERM|EROFS|ENOTDIR|ENOENT|EEXIST|EISDIR|EIO|ENAMETOOLONG)/.test(
      code,
    )
  ) {
    return new StoreError(
      'unwritable',
      `${path} cannot be written, so nothing is stored or learned: make its folder writable, then reload the window. (${detail})`,
      error,
    );
  }
  if (isCorruption(error)) return new StoreError('corrupt', `${path} is damaged. (${detail})`, error);
  return error;
}
