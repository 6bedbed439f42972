/** Text as the typist types it: identifiers, numbers, operators, runs of blanks, line ends. */

const TOKEN =
  /\r?\n|[^\S\n\r]+|\r|[\p{L}_$][\p{L}\p{N}\p{M}_$]*|\d[\w.]*|=>|->|::|\?\.|\?\?=?|[=!]==?|[<>]=|&&=?|\|\|=?|\+\+|--|[-+*/%|&^]=|\*\*|\.\.\.?|:=|\/\/|\/\*|\*\/|<<|>>|./gsu;

/** Tokens in order; joined they are the text. */
export function tokenize(text: string): string[] {
  return text.match(TOKEN) ?? [];
}
