/**
 * Developers who refuse some of what is right. A replay's developer accepts whatever is right, so all developers of all
 * histories accept alike and a gate has hardly anything to learn of one of them; people differ. A taste depends on the
 * suggestion and on where it stands, never on what comes next. Outside of the protocol: `--refuses`.
 */
import { posix } from 'node:path';
import { applyEdit, type Edit, lineAt, offsetAt } from '../completion/edit.ts';
import { narrow } from '../completion/present.ts';
import { hash, visible } from '../completion/text.ts';
import { ReplayError } from './history.ts';
import type { Question } from './typist.ts';

export interface Taste {
  readonly name: string;
  /** Whether this developer takes no such suggestion, right or wrong. */
  refuses(question: Question, edit: Edit): boolean;
}

const PROSE = /\.(mdx?|rst|txt|adoc)$/i;
const TEST = /(^|\/)(tests?|__tests__|spec)\/|[._-](test|spec)\.\w+$|(^|\/)test_[^/]*$/;
const COMMENT = /^\s*(\/\/|#|\/\*|\*|<!--|""")/;

export const TASTES: readonly Taste[] = [
  taste('short', ({ added, removed }) => visible(added) + visible(removed) < 8),
  taste('lines', ({ added, removed }) => added.includes('\n') || removed.includes('\n')),
  taste('next', (_, { cursor }, { start, end }) => start.line !== cursor.line || end.line !== cursor.line),
  taste('deletions', ({ removed }) => visible(removed) > 0),
  taste(
    'prose',
    (_, { path, document, cursor }) => PROSE.test(path) || COMMENT.test(lineAt(document, cursor.line) ?? ''),
  ),
  taste('tests', (_, { path }) => TEST.test(path)),
  // Of one folder in three.
  taste('folder', (_, { path }) => hash(posix.dirname(path)) % 3 === 0),
  // Names that stand nowhere in the file: the gate has no kind for these (gate/habits.ts).
  taste('names', ({ added }, { document }) =>
    (added.match(/[A-Za-z_]\w{2,}/g) ?? []).some((n) => !document.includes(n)),
  ),
  // As good as any coin: nothing of it can be learned but how often it comes up heads.
  taste(
    'half',
    ({ added, removed }, { path }, { start }) => hash(`${path}\0${start.line}\0${added}\0${removed}`) % 2 === 0,
  ),
  taste('everything', () => true),
];

/** @throws ReplayError that names the tastes */
export function tasteOf(name: string): Taste {
  const found = TASTES.find((t) => t.name === name);
  if (found) return found;
  throw new ReplayError(`Nobody refuses "${name}". There are: ${TASTES.map((t) => t.name).join(', ')}.`);
}

interface Change {
  readonly added: string;
  readonly removed: string;
}

function taste(name: string, refuses: (change: Change, question: Question, edit: Edit) => boolean): Taste {
  return {
    name,
    refuses(question, edit) {
      const { document } = question;
      if (applyEdit(document, edit) === null) return false;
      const replaced = document.slice(offsetAt(document, edit.start)!, offsetAt(document, edit.end)!);
      const { from, to, text } = narrow(replaced, edit.text);
      return refuses({ added: text, removed: replaced.slice(from, to) }, question, edit);
    },
  };
}
