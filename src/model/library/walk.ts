/** A walk through folders that ends, whatever is in them. */
import { join } from 'node:path';
import type { FilePort, Info } from './port.ts';

export interface WalkLimits {
  /** Folders below the root. */
  readonly depth: number;
  /** Entries looked at in all. */
  readonly entries: number;
}

export interface Walked {
  readonly path: string;
  readonly name: string;
  readonly info: Info;
}

/** What the search for models had to leave out; shared by all its walks. */
export class Budget {
  left: number;
  /** Folders that could not be read. */
  readonly unreadable: string[] = [];
  exhausted = false;

  constructor(entries: number) {
    this.left = entries;
  }
}

/**
 * Files below `root` whose name is wanted, nearest first and by name. Links are followed, but no folder is entered
 * twice, so that circles end. What cannot be read is noted in the budget and left out.
 */
export async function walk(
  port: FilePort,
  root: string,
  depth: number,
  budget: Budget,
  wanted: (name: string) => boolean,
): Promise<Walked[]> {
  const found: Walked[] = [];
  const entered = new Set<string>();
  let level = [root];
  for (let at = 0; at <= depth && level.length > 0; at++) {
    const next: string[] = [];
    for (const folder of level) {
      const info = await port.info(folder);
      if (info === null || info.kind !== 'folder' || entered.has(info.id)) continue;
      entered.add(info.id);
      if (budget.left <= 0) {
        budget.exhausted = true;
        return found;
      }
      const entries = await port.list(folder, budget.left);
      if (entries === null) {
        budget.unreadable.push(folder);
        continue;
      }
      budget.left -= entries.length;
      if (budget.left <= 0) budget.exhausted = true;
      for (const { name, kind } of [...entries].sort((a, b) => (a.name < b.name ? -1 : 1))) {
        const path = join(folder, name);
        if (kind === 'folder') next.push(path);
        else if (kind === 'link' || wanted(name)) {
          if (kind === 'other') continue;
          const target = await port.info(path);
          if (target?.kind === 'folder') next.push(path);
          else if (target?.kind === 'file' && wanted(name)) found.push({ path, name, info: target });
        }
      }
    }
    level = next;
  }
  return found;
}
