/**
 * What can be wrong with a model, as values: every message says what to do about it.
 */

export type ModelErrorKind =
  | 'missing' // no such file or folder, or a file of the model is not there
  | 'not-a-model' // a file of another format
  | 'truncated' // shorter than its own header says
  | 'corrupt' // the header contradicts itself or the file
  | 'architecture' // a model, but of a family or with a feature that Knack does not run
  | 'tokenizer' // a tokenizer that Knack does not read, or one of another model
  | 'dtype' // a number format without a loader
  | 'adapter' // a checkpoint that does not fit
  | 'memory' // more than this machine has
  | 'disk' // full, or not writable
  | 'download' // no source could be reached, or what came was refused
  | 'cancelled';

/** A model, adapter or download that cannot be used; `message` is for people and says what to do. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  readonly kind: ModelErrorKind;

  constructor(kind: ModelErrorKind, message: string, options?: ErrorOptions) {
    super(bounded(message), options);
    this.kind = kind;
  }
}

/** A message may quote what a damaged file says of itself, and nobody reads more than this. */
const MOST_CHARS = 3000;

function bounded(message: string): string {
  if (message.length <= MOST_CHARS) return message;
  return `${message.slice(0, MOST_CHARS / 2)} … ${message.slice(-MOST_CHARS / 2)}`.toWellFormed();
}

/** Turns a file-system error into a ModelError that names the path; other errors pass through unchanged. */
export function fileError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  const cause = { cause: error };
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new ModelError(
        'missing',
        `There is no file ${path}. Check the path, or clear the setting to use the default model.`,
        cause,
      );
    case 'EISDIR':
      return new ModelError('not-a-model', `${path} is a folder where a file was expected.`, cause);
    case 'EACCES':
    case 'EPERM':
      return new ModelError(
        'disk',
        `${path} may not be read or written by this user. Change its permissions or use another folder.`,
        cause,
      );
    case 'EROFS':
      return new ModelError(
        'disk',
        `${path} lies on a read-only file system. Set KNACK_CACHE_DIR to a folder that can be written.`,
        cause,
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new ModelError(
        'disk',
        `The disk that holds ${path} is full. Free some space, or set KNACK_CACHE_DIR to a folder on another disk.`,
        cause,
      );
    default:
      return error;
  }
}
