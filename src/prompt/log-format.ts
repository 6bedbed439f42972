/** The format `log-1`, for models that were tuned for it: prompts (log.ts), answers (answer.ts) and targets. */
import { continuation, type Edit, rangeInWindow } from '../completion/edit.ts';
import type { Prompt, PromptTokenizer } from '../model/prompt.ts';
import { againAt, choiceOf, guessOf, isEdit, isOver, readAnswer } from './answer.ts';
import { findCandidates } from './candidates.ts';
import type { Candidate, EditFormat, Given, PromptInput, Written } from './format.ts';
import { hunkOf } from './hunk.ts';
import { buildLogPrompt, hunkIds, LOG_FORMAT, type LogPrompt, openIds } from './log.ts';
import { type Marks, marksOf } from './marks.ts';
import type { Situation } from './odds.ts';
import { StandingLines } from './standing.ts';

/** Tokens of an answer that is given: a line of 120 characters goes and comes in about 80. */
const MOST_GIVEN = 256;

/** null for a tokenizer that lacks the marks. */
export function logFormat(tokenizer: PromptTokenizer): EditFormat | null {
  const marks = marksOf(tokenizer);
  if (marks === null) return null;
  return {
    name: LOG_FORMAT,
    spell: ({ hunk }) => hunkIds(hunk, marks),
    ask(input, most) {
      const prompt = buildLogPrompt(input, marks, tokenizer, most);
      let lines: StandingLines | null = null;
      const standing = (): StandingLines => {
        lines ??= new StandingLines((input.before + input.after).split('\n'), marks, tokenizer);
        return lines;
      };
      const target = (edit: Edit, isWhole: boolean) => targetOf(input, prompt, edit, isWhole, marks, tokenizer);
      const read = (written: Written) => readAnswer(input, prompt, written, marks, tokenizer);
      const given = (candidate: Candidate | null): Given | null => {
        if (candidate === null || !isEdit(input, candidate.edit)) return null;
        // Text at the cursor is weighed as the model's own is: without what ends the hunk.
        const isHere = prompt.isTyping && continuation(input, candidate.edit) !== null;
        const ids = target(candidate.edit, !isHere);
        if (ids === null || ids.length > MOST_GIVEN) return null;
        return { ...candidate, target: ids, done: prompt.isTyping ? ids.indexOf(marks.end) + 1 : 0 };
      };
      return {
        prompt,
        isOver: (written) => isOver(input, prompt, written, marks, tokenizer),
        choice: (ids) => choiceOf(ids, prompt, marks, standing),
        guess: (ids) => guessOf(ids, marks),
        again: (written) => ('none' in read(written) ? againAt(written) : null),
        read,
        target,
        repeated: (known) => given(prompt.place === null ? null : known(prompt.place)),
        // Some take back what was just done, and are none.
        candidates: (most) =>
          findCandidates(input, 2 * most, prompt.place, situationOf(prompt))
            .flatMap((candidate) => given(candidate) ?? [])
            .slice(0, most),
      };
    },
  };
}

/** Where the cursor stands, as far as a prompt tells. */
export function situationOf({ place, isTyping }: LogPrompt): Situation {
  return isTyping ? 'typing' : place !== null ? 'arrived' : 'stayed';
}

/** Text at the cursor while typing is written on; any other edit is a hunk of its own. */
function targetOf(
  input: PromptInput,
  prompt: LogPrompt,
  edit: Edit,
  isWhole: boolean,
  marks: Marks,
  tokenizer: PromptTokenizer,
): number[] | null {
  const going = prompt.isTyping ? continuation(input, edit) : null;
  if (going !== null) {
    if (!isWhole) return healedTarget(prompt, going.text, going.rest, marks, tokenizer);
    return [...healedTarget(prompt, going.text + leftOf(prompt, going.rest), '', marks, tokenizer), marks.end];
  }
  const range = rangeInWindow(input, edit);
  if (range === null) return null;
  const text = input.before + input.after;
  const from = range.from === 0 ? 0 : text.lastIndexOf('\n', range.from - 1) + 1;
  const end = text.indexOf('\n', range.to);
  const to = end < 0 ? text.length : end;
  const removed = text.slice(from, to).split('\n');
  const added = (text.slice(from, range.from) + edit.text + text.slice(range.to, to)).split('\n');
  const above = from === 0 ? null : text.slice(text.lastIndexOf('\n', from - 2) + 1, from - 1);
  const hunk = hunkOf(removed, added, above);
  if (hunk === null) return null;
  const ids = isWhole ? hunkIds(hunk, marks) : openIds(hunk, marks);
  if (!prompt.isTyping) return ids;
  // The hunk at the cursor ends first, with what is left of its line.
  return [...healedTarget(prompt, leftOf({ closed: '' }, input.after), '', marks, tokenizer), marks.end, ...ids];
}

/** What of the text behind an edit belongs to the hunk at the cursor: its line, and lines that the editor closed it with. */
function leftOf({ closed }: Pick<LogPrompt, 'closed'>, rest: string): string {
  return closed.includes('\n') && rest.startsWith(closed) ? closed : rest.split('\n', 1)[0]!;
}

/** The ids that spell the healed text and the one that goes in, cut where `rest` begins. */
function healedTarget(prompt: Prompt, text: string, rest: string, marks: Marks, tokenizer: PromptTokenizer): number[] {
  const body = prompt.heal + text;
  // What follows decides how the last word is spelled; a blank end of a line is part of it.
  const ids = marks.encode(body + rest.split('\n', 1)[0]!.trimEnd().slice(0, 64));
  const length = Buffer.byteLength(body);
  let [bytes, n] = [0, 0];
  while (n < ids.length && bytes < length) bytes += tokenizer.bytes(ids[n++]!).length;
  return bytes === length ? ids.slice(0, n) : marks.encode(body);
}
