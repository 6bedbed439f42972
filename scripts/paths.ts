/** Where things lie. The cache folder is the extension's own: `defaultCacheDir` in src/model/cache.ts. */
import { dirname, join } from 'node:path';

/** The checkout. */
export const ROOT = dirname(import.meta.dirname);

/** The adapter of the model as it ships. */
export const SHIPPED_ADAPTER = join(ROOT, 'media', 'model');

/** Where the grammars of tree-sitter lie (src/replay/syntax.ts). */
export const GRAMMARS = join(ROOT, 'node_modules', '@vscode', 'tree-sitter-wasm', 'wasm');
