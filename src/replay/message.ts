/** What the extension host and the replay's process tell each other; plain values, by Node's IPC. */

/** A replay of a repository's last commits. */
export interface ReplayJob {
  readonly type: 'start';
  /** Folder in the repository. */
  readonly repository: string;
  /** Path of git. */
  readonly git: string;
  /** How many of its last commits. */
  readonly last: number;
  /** The user's own patterns of files that are never read. */
  readonly exclude: readonly string[];
  /** As findModel's setting: null for the default model. */
  readonly model: string | null;
  readonly cacheDir: string;
  /** Folder of the adapter that ships. */
  readonly adapter: string;
  /** Folder that answers are logged in, and the page is written to. */
  readonly folder: string;
  /** Knack's version. */
  readonly version: string;
  /** Of the page, for example `de`; and the file with its texts, null for English. */
  readonly language: string;
  readonly texts: string | null;
}

export type FromReplay =
  | {
      readonly type: 'progress';
      /** Of the asks, 0 to 1. */
      readonly share: number;
      /** null: not known yet. */
      readonly secondsLeft: number | null;
    }
  | { readonly type: 'done'; readonly page: string; readonly sentence: string }
  | { readonly type: 'failed'; readonly message: string };
