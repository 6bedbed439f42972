/** Where things lie. The cache folder is the extension's own: `defaultCacheDir` in src/model/cache.ts. */
import { dirname } from 'node:path';

/** The checkout. */
export const ROOT = dirname(import.meta.dirname);
