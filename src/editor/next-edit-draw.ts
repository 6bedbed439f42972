/** Draws a next edit with VS Code's decorations, which work with stable API in every theme. */
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import type { Place } from '../completion/edit.ts';
import { drawBox, type Metrics } from './next-edit-box.ts';
import type { Box, Side } from './next-edit-layout.ts';
import type { Hint, NextEditView } from './next-edit-view.ts';
import type { Painted } from './syntax.ts';

/** Text colours where the theme's own are not known, by whether the theme is dark. */
const PLAIN = {
  dark: { text: '#d4d4d4', added: 'rgba(155,185,85,0.22)' },
  light: { text: '#1f1f1f', added: 'rgba(110,170,40,0.28)' },
} as const;

export class NextEditDrawing implements vscode.Disposable {
  readonly #going = vscode.window.createTextEditorDecorationType({
    backgroundColor: new vscode.ThemeColor('diffEditor.removedTextBackground'),
    textDecoration: 'line-through',
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  /** The bar at the left of what changes, and its mark beside the scroll bar. */
  readonly #bar = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    borderStyle: 'solid',
    borderWidth: '0 0 0 2px',
    borderColor: new vscode.ThemeColor('editorGutter.modifiedBackground'),
    overviewRulerColor: new vscode.ThemeColor('editorGutter.modifiedBackground'),
    overviewRulerLane: vscode.OverviewRulerLane.Full,
  });
  /** Where lines come in. */
  readonly #between = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    borderStyle: 'solid',
    borderWidth: '1px 0 0 0',
    borderColor: new vscode.ThemeColor('editorGutter.addedBackground'),
    overviewRulerColor: new vscode.ThemeColor('editorGutter.addedBackground'),
    overviewRulerLane: vscode.OverviewRulerLane.Full,
  });
  readonly #box = vscode.window.createTextEditorDecorationType({});
  readonly #hint = vscode.window.createTextEditorDecorationType({});

  /** @param painted the box's colours; null: plain ones */
  show(editor: vscode.TextEditor, view: NextEditView, painted: Painted | null): void {
    const { removed, lines, box, hint } = view;
    const last = editor.document.lineCount - 1;
    const onlyNew = lines.to < lines.from;
    editor.setDecorations(this.#going, removed.map(rangeOf));
    editor.setDecorations(this.#bar, onlyNew ? [] : [new vscode.Range(lines.from, 0, lines.to, 0)]);
    const between = Math.min(lines.from, last);
    editor.setDecorations(this.#between, onlyNew ? [new vscode.Range(between, 0, between, 0)] : []);
    editor.setDecorations(this.#box, box ? [boxDecoration(box, painted)] : []);
    editor.setDecorations(this.#hint, [hintDecoration(hint, view.tab)]);
  }

  clear(editor: vscode.TextEditor): void {
    for (const type of [this.#going, this.#bar, this.#between, this.#box, this.#hint]) editor.setDecorations(type, []);
  }

  dispose(): void {
    for (const type of [this.#going, this.#bar, this.#between, this.#box, this.#hint]) type.dispose();
  }
}

function boxDecoration(box: Box, painted: Painted | null): vscode.DecorationOptions {
  const metrics = metricsOf();
  const picture = (kind: 'dark' | 'light'): vscode.ThemableDecorationAttachmentRenderOptions => {
    const { svg, width, height } = drawBox(
      box,
      metrics,
      { ...PLAIN[kind], ...(painted?.text && { text: painted.text }) },
      painted?.lines ?? [],
    );
    const data = Buffer.from(svg).toString('base64');
    return {
      contentIconPath: vscode.Uri.parse(`data:image/svg+xml;base64,${data}`),
      width: `${width}px`,
      height: `${height}px`,
      backgroundColor: new vscode.ThemeColor('editorWidget.background'),
      border: '1px solid',
      borderColor: new vscode.ThemeColor('editorWidget.border'),
      // The box lies over the text, and takes no room in it.
      textDecoration: `none; position: absolute; z-index: 5; ${placed(box.side, box.shift)}; border-radius: 3px; pointer-events: none`,
    };
  };
  const side = box.anchor.character === 0 ? 'before' : 'after';
  return {
    range: rangeOf({ start: box.anchor, end: box.anchor }),
    renderOptions: { dark: { [side]: picture('dark') }, light: { [side]: picture('light') } },
  };
}

/** CSS of what lies over the text. The nearest box that is positioned is that of the line on the screen. */
function placed(side: Side, shift: number): string {
  switch (side) {
    case 'beside':
      return `margin-left: ${shift}ch; margin-top: -1px`;
    case 'below':
      return `margin-left: ${shift}ch; top: 100%`;
    case 'below-start':
      return `left: ${shift}ch; top: 100%`;
    case 'above-start':
      return `left: ${shift}ch; bottom: 100%`;
  }
}

function hintDecoration(hint: Hint, tab: NextEditView['tab']): vscode.DecorationOptions {
  const { form } = hint;
  const range = rangeOf({ start: hint.at, end: hint.at });
  // The colour of ghost text is none in high contrast, where the hint could not be seen.
  const font = { color: new vscode.ThemeColor('editorCodeLens.foreground'), fontStyle: 'italic' };
  if (form === 'full' || form === 'short') {
    const contentText = form === 'full' ? hintText(hint, tab) : shortHintText(hint, tab);
    return { range, renderOptions: { after: { ...font, contentText, margin: '0 0 0 2ch' } } };
  }
  const over = {
    ...font,
    contentText: hintText(hint, tab),
    backgroundColor: new vscode.ThemeColor('editorWidget.background'),
    border: '1px solid',
    borderColor: new vscode.ThemeColor('editorWidget.border'),
    textDecoration: `none; position: absolute; z-index: 6; ${placed(form, 0)}; padding: 0 .5ch; border-radius: 3px; pointer-events: none`,
  };
  return { range, renderOptions: hint.at.character === 0 ? { before: over } : { after: over } };
}

/** What the hint says: where the edit is, what Tab does. */
function hintText({ where, line, distance }: Hint, tab: NextEditView['tab']): string {
  if (where === 'here') return t('Tab: apply · Esc: dismiss');
  const place =
    where === 'above'
      ? t('↑ edit at line {0}, {1} up', line, distance)
      : where === 'below'
        ? t('↓ edit at line {0}, {1} down', line, distance)
        : where === 'folded'
          ? t('edit at line {0}, folded', line)
          : t('edit at line {0}', line);
  return tab === 'none' ? t('{0} · Esc: dismiss', place) : t('Tab: {0} · Esc: dismiss', place);
}

/** The same where there is room for a few words. */
function shortHintText({ where, line }: Hint, tab: NextEditView['tab']): string {
  if (where === 'here') return t('Tab: apply');
  const place =
    where === 'above' ? t('↑ line {0}', line) : where === 'below' ? t('↓ line {0}', line) : t('line {0}', line);
  return tab === 'none' ? place : t('Tab: {0}', place);
}

function rangeOf({ start, end }: { start: Place; end: Place }): vscode.Range {
  return new vscode.Range(start.line, start.character, end.line, end.character);
}

/** The editor's font, as its settings have it; VS Code tells no extension what it measured. */
function metricsOf(): Metrics {
  const settings = vscode.workspace.getConfiguration('editor');
  const fontSize = settings.get<number>('fontSize') || 14;
  const given = settings.get<number>('lineHeight') ?? 0;
  // As in VS Code: 0 is automatic, less than 8 is a factor.
  const automatic = process.platform === 'darwin' ? 1.5 : 1.35;
  const lineHeight = given === 0 ? Math.round(automatic * fontSize) : given < 8 ? Math.round(given * fontSize) : given;
  const fontFamily = `${settings.get<string>('fontFamily') ?? ''}, monospace`.replace(/^, /, '');
  return { fontFamily, fontSize, lineHeight: Math.max(lineHeight, 8), columnWidth: 0.6 * fontSize };
}
