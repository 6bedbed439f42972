/**
 * The box of a next edit as a picture (SVG), since VS Code's decorations draw text in one line and one colour only.
 *
 * A picture knows neither the theme's colours nor the editor's fonts: both are told to it. Its background is the
 * decoration's, which takes the theme's own.
 */
import { type Box, type BoxLine, widthOf } from './next-edit-layout.ts';

/** All in CSS pixels. */
export interface Metrics {
  readonly fontFamily: string;
  readonly fontSize: number;
  readonly lineHeight: number;
  /** Width of a column. */
  readonly columnWidth: number;
}

/** CSS colours. */
export interface Colours {
  readonly text: string;
  /** Behind what is new. */
  readonly added: string;
}

/** A stretch of a line in a colour of its own; UTF-16 units, [from, to). */
export interface Coloured {
  readonly from: number;
  readonly to: number;
  readonly colour: string;
  readonly bold?: boolean;
  readonly italic?: boolean;
}

export interface Picture {
  readonly svg: string;
  /** In CSS pixels. */
  readonly width: number;
  readonly height: number;
}

/** Space to the left and right of the text. */
const PADDING = 4;

/** @param syntax colours of each of the box's lines; text without one has the plain colour */
export function drawBox(
  box: Box,
  { fontFamily, fontSize, lineHeight, columnWidth }: Metrics,
  colours: Colours,
  syntax: readonly (readonly Coloured[])[],
): Picture {
  const width = Math.ceil(box.columns * columnWidth) + 2 * PADDING;
  const height = Math.ceil(box.lines.length * lineHeight);
  const baseline = (lineHeight - fontSize) / 2 + 0.8 * fontSize;
  const number = (x: number): string => String(Math.round(x * 100) / 100);
  const rows = box.lines.map((line, row) => {
    const x = (column: number): string => number(PADDING + column * columnWidth);
    const back = line.added.map(({ from, to }) => {
      const [a, b] = [columnAt(line, from), columnAt(line, to)];
      const at = `x="${x(a)}" y="${number(row * lineHeight)}"`;
      return `<rect ${at} width="${number((b - a) * columnWidth)}" height="${number(lineHeight)}" fill="${colours.added}"/>`;
    });
    const text = runs(line, syntax[row] ?? []).map(({ text, column, columns, style }) => {
      const { colour = colours.text, bold, italic } = style ?? {};
      const font = `${bold ? ' font-weight="bold"' : ''}${italic ? ' font-style="italic"' : ''}`;
      const length = number(columns * columnWidth);
      const place = `x="${x(column)}" y="${number(row * lineHeight + baseline)}" textLength="${length}"`;
      return `<text ${place} lengthAdjust="spacingAndGlyphs" fill="${colour}"${font} xml:space="preserve">${xml(text)}</text>`;
    });
    return [...back, ...text].join('');
  });
  const font = `font-family="${xml(fontFamily)}" font-size="${fontSize}"`;
  const size = `width="${width}" height="${height}"`;
  return {
    svg: `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${font}>${rows.join('')}</svg>`,
    width,
    height,
  };
}

interface Run {
  readonly text: string;
  readonly column: number;
  readonly columns: number;
  readonly style: Coloured | undefined;
}

/** A line cut where its colour or the width of its characters changes, so that every column is where it belongs. */
function runs(line: BoxLine, syntax: readonly Coloured[]): Run[] {
  const out: { text: string; column: number; columns: number; wide: boolean; style: Coloured | undefined }[] = [];
  let column = 0;
  let unit = 0;
  for (const c of line.text) {
    const width = widthOf(c);
    const at = unit;
    const style = syntax.find((s) => at >= s.from && at < s.to);
    const last = out.at(-1);
    if (last && last.style === style && (width === 0 || last.wide === (width === 2))) {
      last.text += c;
      last.columns += width;
    } else {
      out.push({ text: c, column, columns: width, wide: width === 2, style });
    }
    column += width;
    unit += c.length;
  }
  return out.filter((run) => run.text.trim() !== '');
}

function columnAt({ text }: BoxLine, unit: number): number {
  let columns = 0;
  for (const c of text.slice(0, unit)) columns += widthOf(c);
  return columns;
}

function xml(text: string): string {
  const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  // Control characters have no place in XML.
  return text.replace(/[&<>"]/g, (c) => names[c]!).replace(/[\0-\x08\v\f\x0e-\x1f\ufffe\uffff]/g, '\ufffd');
}
