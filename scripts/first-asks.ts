/** What is typed in the hunks of a history: where each of them began, told once the path has left it. */
import { type Ask, hunkName, type Played } from '../src/replay/typist.ts';

export class FirstAsks {
  readonly #open = new Map<string, Ask>();

  /** An ask was put. A far ask belongs to another hunk, and at rest nothing is typed. */
  put(ask: Ask): void {
    const key = hunkName(ask);
    if ((ask.point === 'arrival' || ask.point === 'typing') && !this.#open.has(key)) this.#open.set(key, ask);
  }

  /** The path has left a hunk. @returns a name for it, and its first ask; null if there was none */
  left(place: Extract<Played, { kind: 'left' }>): { readonly hunk: string; readonly first: Ask | null } {
    const hunk = hunkName(place);
    const first = this.#open.get(hunk) ?? null;
    this.#open.delete(hunk);
    return { hunk, first };
  }
}
