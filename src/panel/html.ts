/** HTML as values: whatever is put in is escaped, unless it is HTML already. */

export interface Html {
  readonly html: string;
}

type Content = Html | string | number | null | readonly (Html | string)[];

/** A template whose values are escaped, in text and in quoted attributes; lists are joined, null is nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
  return { html: parts.reduce((text, part, i) => text + render(values[i - 1]!) + part) };
}

function render(content: Content): string {
  if (content === null) return '';
  if (typeof content === 'object') return 'html' in content ? content.html : content.map(render).join('');
  return String(content).replace(/[&<>"']/g, (c) => ESCAPES[c]!);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
