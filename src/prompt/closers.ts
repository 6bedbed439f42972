/** Closing marks behind the cursor: what editors put there by themselves while a bracket or a string is opened. */

const CLOSING = /^(?=[^)\]}'"`]*[)\]}'"`])[\s)\]}'"`;,]*$/;
export const CLOSER: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** Ends of several characters, which stand alone: of a tag, a comment, a string of several lines. */
const END = /<\/[\w.:-]*>|\*\/|"""|'''|```/.source;
const LONG = new RegExp(`^\\s*(${END})$`);
/** The same before a text, indented, as in a comment, or in a line of its own. */
const LONG_FIRST = new RegExp(`^\\n?[^\\S\\n]*(?:${END})(?=\\n|$)`);

/** Whether the rest of a line is nothing but closing marks, and ends of statements. */
export function isClosing(rest: string): boolean {
  return CLOSING.test(rest) || LONG.test(rest);
}

/** Marks in a line, and lines of them, that are thought of at most: nobody types in deeper nesting than that. */
const MOST = { marks: 16, lines: 16 } as const;

/**
 * What editors may have put behind the cursor, the shortest first: nothing; marks in its line; those and lines of them,
 * where blocks lie in one another; an end of several characters, which may stand in a line of its own.
 */
export function closedIn(after: string): string[] {
  const inLine = /^[)\]}'"`]*/.exec(after)![0].slice(0, MOST.marks);
  const found = Array.from({ length: inLine.length + 1 }, (_, n) => inLine.slice(0, n));
  for (let closed = inLine; found.length <= MOST.marks + MOST.lines; ) {
    const line = /^\n[^\S\n]*[)\]}]+[;,]*(?=\n|$)/.exec(after.slice(closed.length));
    if (line === null) break;
    closed += line[0];
    found.push(closed);
  }
  const long = LONG_FIRST.exec(after);
  return long === null ? found : [...found, long[0]];
}

/**
 * How much of a rest of closing marks a text brings that comes before it: `)` of `)` and `x)`, nothing of `)` and `f(x)`.
 *
 * @returns units of the rest; null where it is another rest, and where the text leaves a bracket or a string open that
 *   the rest would close, or closes another one
 */
export function broughtOf(text: string, rest: string): number | null {
  const long = LONG.exec(rest)?.[1];
  if (long !== undefined) return ends(text, long) ? rest.length : 0;
  if (!isClosing(rest)) return null;
  let brought = 0;
  /** Index of the mark that comes next. */
  const next = (): number => brought + /^\s*/.exec(rest.slice(brought))![0].length;
  const isQuote = (mark: string | undefined): boolean => mark !== undefined && /['"`]/.test(mark);
  const open: string[] = [];
  for (let i = 0; i < text.length; i++) {
    const [mark, at] = [text[i]!, next()];
    const inside = open.at(-1) ?? rest[at];
    if (isQuote(inside)) {
      // In a string nothing but its own end counts.
      if (mark === '\\') i++;
      else if (mark === inside && open.length > 0) open.pop();
      else if (mark === inside) brought = at + 1;
    } else if (isQuote(mark)) open.push(mark);
    else if (CLOSER[mark] !== undefined) open.push(CLOSER[mark]);
    else if (/[)\]}]/.test(mark)) {
      if (open.length > 0) {
        if (open.pop() !== mark) return null;
      } else if (rest[at] === mark) brought = at + 1;
      // What closes more than was open here closes what the rest does not.
      else if (at < rest.length) return null;
    } else if (/[;,]/.test(mark) && open.length === 0 && brought > 0 && rest[at] === mark) brought = at + 1;
  }
  if (next() === rest.length) return rest.length;
  return open.length === 0 ? brought : null;
}

/** Whether a text has an end that it did not open: of tags, one more than it has beginnings. */
function ends(text: string, end: string): boolean {
  const count = (part: string): number => text.split(part).length - 1;
  return count(end) > (end.startsWith('</') ? count(`<${end.slice(2, -1)}`) : 0);
}
