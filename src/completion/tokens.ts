/** Text as tokens: identifiers, numbers, operators, runs of blanks, line ends. So the typist of a replay types it, too. */

const TOKEN =
  /\r?\n|[^\S\n\r]+|\r|[\p{L}_$][\p{L}\p{N}\p{M}_$]*|\d[\w.]*|=>|->|::|\?\.|\?\?=?|[=!]==?|[<>]=|&&=?|\|\|=?|\+\+|--|[-+*/%|&^]=|\*\*|\.\.\.?|:=|\/\/|\/\*|\*\/|<<|>>|./gsu;

/** Tokens in order; joined they are the text. */
export function tokenize(text: string): string[] {
  return text.match(TOKEN) ?? [];
}
