/**
 * Keystroke traces cut from a history: open a file, look elsewhere in it, come to a line, type, go on elsewhere, and
 * come back to the file before. Each step is what the extension host would ask the engine, which asks where the cursor
 * comes to and stays, too (completion/arrival.ts).
 */
import { applyEdit, type Edit, type Place } from '../../../src/completion/edit.ts';
import { RecentEdits } from '../../../src/completion/recent.ts';
import type { Snapshot } from '../../../src/completion/snapshot.ts';
import { takeSnapshot } from '../../../src/completion/take.ts';
import type { PromptTokenizer } from '../../../src/model/prompt.ts';
import type { History } from '../../../src/replay/history.ts';

import { type Ask, editorLines, Typist } from '../../../src/replay/typist.ts';

export interface Step {
  /** What the developer has just done. The first three move the cursor, so that little of the cache fits. */
  readonly did: 'open' | 'move' | 'back' | 'type';
  readonly snapshot: Snapshot;
}

/** Hunks typed in a file, and keystrokes in one of them. */
const HUNKS = 3;
const KEYS = 8;
/** Shorter files fill no prompt. */
const SHORTEST = 2000;
const PROSE = ['markdown', 'json', 'yaml', 'toml', 'plaintext', 'restructuredtext', 'xml', 'html', 'css'];

/** Steps in order, of at most `files` files. */
export function traceOf(history: History, files: number): Step[] {
  const recent = new RecentEdits();
  const steps: Step[] = [];
  let before: Step | null = null;
  for (const { path, languageId, text, hunks } of filesOf(history, files)) {
    recent.close(path);
    recent.open(path, path, editorLines(text));
    const look = (did: Step['did'], document: string, cursor: Place): Step | null => {
      const lines = editorLines(document);
      const port = { path, languageId, lineCount: lines.length, line: (n: number) => lines[n]! };
      const snapshot = takeSnapshot(port, cursor, recent.recent());
      return 'none' in snapshot ? null : { did, snapshot };
    };
    const push = (step: Step | null): void => void (step && steps.push(step));
    for (const [h, { document, edit }] of hunks.entries()) {
      if (h === 0) {
        push(look('open', document, edit.start));
        push(look('move', document, hunks.at(-1)!.edit.start));
      }
      push(look('move', document, edit.start));
      for (let keys = 1; keys <= Math.min(KEYS, edit.text.length); keys++) {
        const typed = { ...edit, text: edit.text.slice(0, keys) };
        const done = applyEdit(document, typed);
        if (done === null) continue;
        recent.change(path, keys === 1 ? [typed] : [keystroke(edit, keys)]);
        push(look('type', done, after(edit.start, typed.text)));
      }
      const rest = edit.text.slice(KEYS);
      const at = after(edit.start, edit.text.slice(0, KEYS));
      if (rest !== '') recent.change(path, [{ start: at, end: at, text: rest }]);
    }
    if (before) steps.push({ ...before, did: 'back' });
    before = steps.findLast((step) => step.snapshot.path === path) ?? null;
  }
  return steps;
}

/** Token ids of a trace's files, again and again until there are so many. */
export function codeIds(trace: readonly Step[], tokenizer: PromptTokenizer, count: number): number[] {
  const texts = trace.flatMap(({ did, snapshot: { before, after } }) => (did === 'open' ? [before + after] : []));
  const ids = tokenizer.encode(texts.join('\n'));
  return Array.from({ length: count }, (_, i) => ids[i % ids.length]!);
}

interface Typed {
  readonly document: string;
  /** All that is typed in a hunk. */
  readonly edit: Edit;
}

/** Files of code that are long enough, with their first hunks, as typed one after the other. */
function filesOf(history: History, most: number) {
  const typist = new Typist(0);
  const found: { path: string; languageId: string; text: string; hunks: Typed[] }[] = [];
  for (const [index, commit] of [...history.commits()].entries()) {
    const asks = new Map<number, Ask[]>();
    for (const played of typist.play(commit, index)) {
      if (played.kind !== 'ask' || played.ask.point !== 'arrival' || !played.ask.id.endsWith('/arrival0')) continue;
      asks.set(played.ask.file, [...(asks.get(played.ask.file) ?? []), played.ask]);
    }
    for (const [file, all] of asks) {
      const { path, languageId, before } = commit.files[file]!;
      const hunks = all.flatMap((ask) => {
        const edit = ask.typed();
        return edit === null || edit.text.trim().length < KEYS ? [] : [{ document: ask.question.document, edit }];
      });
      if (before.length < SHORTEST || PROSE.includes(languageId) || hunks.length < 2) continue;
      // The last hunks: those with most of the file above them.
      const typed = hunks.slice(-HUNKS);
      found.push({ path, languageId, text: typed[0]!.document, hunks: typed });
      if (found.length === most) return found;
    }
  }
  return found;
}

function keystroke({ start, text }: Edit, keys: number): Edit {
  const at = after(start, text.slice(0, keys - 1));
  return { start: at, end: at, text: text[keys - 1]! };
}

/** The place where a text ends that begins at another. */
function after(start: Place, text: string): Place {
  const lines = text.split('\n');
  const last = lines.at(-1)!.length;
  return lines.length === 1
    ? { line: start.line, character: start.character + last }
    : { line: start.line + lines.length - 1, character: last };
}
