/** Questions at the end of a line between two others, and edits there. */
import type { Edit } from '../../src/completion/edit.ts';
import type { Question } from '../../src/replay/typist.ts';

export const question = (line: string, path = 'a.ts'): Question => ({
  path,
  languageId: 'typescript',
  document: `first\n${line}\nlast\n`,
  cursor: { line: 1, character: line.length },
  recent: [],
});

export const at = (line: string, text: string): Edit => {
  const place = { line: 1, character: line.length };
  return { start: place, end: place, text };
};
