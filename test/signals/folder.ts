/** A folder for one test, gone when it ends, and stores in it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openStore, type Store, type StoreOptions } from '../../src/signals/store.ts';

export function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'knack-store-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A store on a real file, closed when the test ends. */
export function storeFor(t: TestContext, options: Partial<StoreOptions> = {}): { store: Store; path: string } {
  const path = options.path ?? join(folderFor(t), 'storage', 'knack.db');
  const { store } = openStore({ clock: () => 10_000, ...options, path });
  t.after(() => store.close());
  return { store, path };
}
