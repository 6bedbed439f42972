/** What several layers ask of a text. */

/** Characters (UTF-16 units) that are no white space. */
export function visible(text: string): number {
  return text.replace(/\s+/g, '').length;
}

/** FNV-1a over UTF-16 units, 32 bits. */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
