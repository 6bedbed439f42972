/**
 * What a next edit looks like, as values: what is marked as going, the box with what comes and where it stands, the
 * hint at the cursor, and what Tab does. Pure; next-edit-draw.ts makes decorations of it.
 */
import type { Edit, Place } from '../completion/edit.ts';
import { type Change, changedLines, type Span } from './next-edit-change.ts';
import { type Box, boxOf, type HintForm, hintFormOf, type Room } from './next-edit-layout.ts';

/** What the view depends on. */
export interface Scene extends Room {
  readonly edit: Edit;
  /** Lines on the screen, both included; a gap between two ranges is folded. */
  readonly visible: readonly { readonly from: number; readonly to: number }[];
  /** Another feature has Tab at the cursor, such as Emmet after an abbreviation. */
  readonly tabIsTaken: boolean;
  /** The user is going from edit to edit: Tab goes on with it also where it would indent. */
  readonly inFlow: boolean;
}

/** `none`: Tab does what it does without a next edit. */
export type TabAction = 'jump' | 'apply' | 'none';

export interface Hint {
  /** End of the cursor's line, or the cursor where the hint lies over another line. */
  readonly at: Place;
  readonly form: HintForm;
  /** Where the edit is, seen from the cursor. */
  readonly where: 'here' | 'in-view' | 'above' | 'below' | 'folded';
  /** One-based number of the edit's first line, and how many lines that is away. */
  readonly line: number;
  readonly distance: number;
}

export interface NextEditView {
  /** What goes. */
  readonly removed: readonly Span[];
  /** Lines that change, both included; `to < from` where only new lines come in, before `from`. */
  readonly lines: { readonly from: number; readonly to: number };
  readonly box: Box | null;
  readonly hint: Hint;
  readonly tab: TabAction;
}

export function viewOf(scene: Scene): NextEditView {
  const change = changedLines(scene.edit, scene.line);
  const hint = hintOf(scene, change);
  return {
    removed: change.removed,
    lines: { from: change.from, to: change.from + change.old.length - 1 },
    box: boxOf(scene, change, hint.form),
    hint,
    tab: tabOf(scene, hint),
  };
}

function hintOf(scene: Scene, { from, old }: Change): Hint {
  const { edit, cursor, visible, line } = scene;
  const to = from + Math.max(0, old.length - 1);
  const isVisible = (n: number): boolean => visible.some((v) => n >= v.from && n <= v.to);
  const first = Math.min(...visible.map((v) => v.from));
  const last = Math.max(...visible.map((v) => v.to));
  const on = cursor.line >= edit.start.line && cursor.line <= Math.max(edit.end.line, to);
  const where =
    on && isVisible(cursor.line)
      ? 'here'
      : isVisible(from)
        ? 'in-view'
        : from < first
          ? 'above'
          : from > last
            ? 'below'
            : 'folded';
  const form = hintFormOf(scene, first);
  const after = form === 'full' || form === 'short';
  return {
    at: after ? { line: cursor.line, character: line(cursor.line).length } : cursor,
    form,
    where,
    line: from + 1,
    distance: from > cursor.line ? from - cursor.line : Math.max(0, cursor.line - to),
  };
}

/** In the white space at the start of a line, Tab goes on indenting, unless the edit is right here. */
function tabOf({ cursor, line, inFlow, tabIsTaken }: Scene, hint: Hint): TabAction {
  if (tabIsTaken) return 'none';
  if (hint.where === 'here') return 'apply';
  const text = line(cursor.line);
  const before = text.slice(0, cursor.character);
  const indents = before.trim() === '' && (before !== '' || text.trim() === '');
  return indents && !inFlow ? 'none' : 'jump';
}
