/** The smallest single edit between two texts. */
import { type Edit, placeAt } from '../completion/edit.ts';
import { commonPrefix, commonSuffix } from './path.ts';

/** Replaces what differs between the ends that both texts share; null if nothing does. LF line ends in its text. */
export function editBetween(before: string, after: string): Edit | null {
  if (before === after) return null;
  let head = commonPrefix(before, after);
  while (head > 0 && splits(before, after, head)) head--;
  let tail = commonSuffix(before, after, Math.min(before.length, after.length) - head);
  while (tail > 0 && splits(before, after, before.length - tail, after.length - tail)) tail--;
  return {
    start: placeAt(before, head),
    end: placeAt(before, before.length - tail),
    text: after.slice(head, after.length - tail).replaceAll('\r\n', '\n'),
  };
}

/** Whether a cut at these offsets goes through a surrogate pair or a CRLF of either text. */
function splits(a: string, b: string, inA: number, inB = inA): boolean {
  const pair = /^(?:\r\n|[\ud800-\udbff][\udc00-\udfff])$/;
  return pair.test(a.slice(inA - 1, inA + 1)) || pair.test(b.slice(inB - 1, inB + 1));
}
