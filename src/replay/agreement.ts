/** How well an edit that was not shown agrees with what was then typed. */
import { applyEdit, type Edit, firstLineOf, offsetAt } from '../completion/edit.ts';

/**
 * What a suggestion would have been worth, as far as the text before and after some typing tells: 1 if all of it stands
 * where it would have been put, or is how the typing began; 1/2 if its first line does; 0 otherwise.
 *
 * The texts in between are not known, so a suggestion that is one of them only by way of a deletion is missed.
 *
 * @param typed what was typed, as one edit of the document
 */
export function agreement(document: string, edit: Edit, typed: Edit): number {
  if (isOnTheWay(document, edit, typed)) return 1;
  const first = firstLineOf(document, edit);
  return first !== null && isOnTheWay(document, first, typed) ? 0.5 : 0;
}

/** Whether the typing makes the edit, or begins with it where the edit takes nothing away. */
function isOnTheWay(document: string, edit: Edit, typed: Edit): boolean {
  const made = applyEdit(document, edit);
  const after = applyEdit(document, typed);
  if (made === null || after === null) return false;
  if (made === after) return true;
  const at = offsetAt(document, edit.start)!; // it lies in the document
  return made.length - document.length >= edit.text.length && after.startsWith(made.slice(0, at + edit.text.length));
}
