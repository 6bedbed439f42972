/**
 * The next edit in the editor: drawn while it stands, and what the keys do with it.
 *
 * Where it is and what is left of it is known by signals/next-edit.ts; nothing is kept here but what is on the screen.
 */
import * as vscode from 'vscode';
import type { Edit } from '../completion/edit.ts';
import { nextLine, nextWord, type Part } from '../completion/parts.ts';
import type { NextEdit } from '../signals/next-edit.ts';
import { keyOf, placeOf } from './documents.ts';
import type { Fates } from './fates.ts';
import type { Log } from './log.ts';
import { NextEditDrawing } from './next-edit-draw.ts';
import type { BoxLine } from './next-edit-layout.ts';
import { type NextEditView, viewOf } from './next-edit-view.ts';
import type { Painted } from './syntax.ts';

/** How long after an accept or a jump Tab goes on with the next edit also where it would indent. */
const FLOW_MS = 3_000;
/** Most edits that one command accepts. */
const CHAIN_LIMIT = 20;

/** Colours of code as the theme has them. */
export type Paint = (lines: readonly BoxLine[], document: vscode.TextDocument) => Promise<Painted | null>;

export interface NextEditPorts {
  readonly fates: Fates;
  readonly paint: Paint;
  /** Asks for what follows from an accept. */
  readonly followUp: () => Promise<void>;
  readonly log: Log;
}

export class NextEdits implements vscode.Disposable {
  readonly #ports: NextEditPorts;
  readonly #drawing = new NextEditDrawing();
  #drawn: vscode.TextEditor | null = null;
  #view: NextEditView | null = null;
  readonly #context = new Map<string, boolean>();
  /** Where the user goes from edit to edit, and until when. */
  #flow: { readonly document: string; readonly until: number } | null = null;
  #busy = false;

  constructor(ports: NextEditPorts) {
    this.#ports = ports;
  }

  /** Keeps what is drawn in step with the editor, until disposed of. */
  listen(): vscode.Disposable {
    const redraw = (): void => this.draw();
    return vscode.Disposable.from(
      vscode.window.onDidChangeTextEditorSelection(redraw),
      vscode.window.onDidChangeTextEditorVisibleRanges(redraw),
      vscode.window.onDidChangeActiveTextEditor(redraw),
      vscode.window.onDidChangeTextEditorOptions(redraw),
      vscode.window.onDidChangeActiveColorTheme(redraw),
    );
  }

  dispose(): void {
    this.#clear();
    this.#drawing.dispose();
  }

  /** Goes to the edit; applies it if it is where the cursor is. */
  async tab(): Promise<void> {
    this.#goOn();
    if (this.#view?.hint.where === 'here') await this.#accept(whole);
    else await this.#exclusively((editor, live) => this.#jump(editor, live));
  }

  reject(): void {
    this.#ports.fates.apply({ type: 'escape', at: Date.now() });
  }

  acceptWord(): Promise<void> {
    return this.#accept((live) => nextWord(left(live)));
  }

  acceptLine(): Promise<void> {
    return this.#accept((live) => nextLine(left(live)));
  }

  /** Accepts this edit and those that follow from it, each a step of its own for undo; ends where none follows. */
  async acceptAll(): Promise<void> {
    const document = this.#ports.fates.nextEdit?.document;
    for (let n = 0; n < CHAIN_LIMIT; n++) {
      const live = this.#ports.fates.nextEdit;
      if (live === null || live.document !== document) return;
      this.#goOn();
      await this.#exclusively((editor) => this.#jump(editor, live));
      await this.#accept(whole);
      if (this.#ports.fates.nextEdit?.id === live.id) return; // VS Code did not take it
    }
  }

  /** Draws what stands, or takes away what no longer does. */
  draw(): void {
    const live = this.#ports.fates.nextEdit;
    const editor = vscode.window.activeTextEditor;
    if (live === null || !editor || keyOf(editor.document) !== live.document) {
      this.#clear();
      return;
    }
    if (this.#drawn && this.#drawn !== editor) this.#clear();
    const view = this.#viewOf(editor, live);
    this.#drawn = editor;
    this.#view = view;
    this.#drawing.show(editor, view, null);
    this.#setContext(view);
    if (view.box) void this.#colour(editor, live, view);
  }

  /** Colours come a moment later, where they are known. */
  async #colour(editor: vscode.TextEditor, live: NextEdit, view: NextEditView): Promise<void> {
    const colours = await this.#ports.paint(view.box!.lines, editor.document).catch((error: Error) => {
      this.#ports.log.debug(`no colours for a next edit: ${error.message}`);
      return null;
    });
    if (colours && this.#view === view && this.#ports.fates.nextEdit === live)
      this.#drawing.show(editor, view, colours);
  }

  #viewOf(editor: vscode.TextEditor, live: NextEdit): NextEditView {
    const { document, selection, visibleRanges, options } = editor;
    // The selection is told a moment after the text: the line that it is on may be gone.
    const cursor = document.validatePosition(selection.active);
    const settings = vscode.workspace.getConfiguration('editor', document);
    const wrap = settings.get<string>('wordWrap') ?? 'off';
    const column = settings.get<number>('wordWrapColumn') ?? 80;
    return viewOf({
      edit: editOf(document, live),
      lineCount: document.lineCount,
      line: (n) => document.lineAt(n).text,
      cursor: placeOf(cursor),
      visible: visibleRanges.map((r) => ({ from: r.start.line, to: r.end.line })),
      tabSize: typeof options.tabSize === 'number' ? options.tabSize : 4,
      wrapColumn: wrap === 'off' ? null : Math.min(column, 80),
      tabIsTaken: emmetTakesTab(document, cursor),
      inFlow: this.#flow?.document === live.document && Date.now() < this.#flow.until,
    });
  }

  #jump(editor: vscode.TextEditor, live: NextEdit): void {
    this.#ports.fates.apply({ type: 'next-jumped', at: Date.now(), id: live.id });
    const { start } = editOf(editor.document, live);
    const at = new vscode.Position(start.line, start.character);
    editor.selection = new vscode.Selection(at, at);
    editor.revealRange(new vscode.Range(at, at), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  }

  #goOn(): void {
    const document = this.#ports.fates.nextEdit?.document;
    if (document !== undefined) this.#flow = { document, until: Date.now() + FLOW_MS };
  }

  /** Puts a part in; asks for what comes next when all of it is in. */
  async #accept(part: (live: NextEdit) => Part): Promise<void> {
    const { fates, followUp } = this.#ports;
    let done = false;
    await this.#exclusively(async (editor, live) => {
      done = await this.#apply(editor, live, part(live));
    });
    if (done && fates.nextEdit === null) await followUp();
  }

  /** Puts a part in, as one step for undo. @returns whether VS Code has done so */
  async #apply(editor: vscode.TextEditor, live: NextEdit, part: Part): Promise<boolean> {
    const { fates } = this.#ports;
    const { document } = editor;
    const at = (offset: number) => document.positionAt(live.place.offset + offset);
    const range = new vscode.Range(at(0), at(part.replaced));
    fates.apply({ type: 'next-applying', at: Date.now(), id: live.id, ...part });
    const options = { undoStopBefore: true, undoStopAfter: true };
    const done = await editor.edit((builder) => builder.replace(range, live.target.slice(0, part.text)), options);
    if (done) {
      const end = document.positionAt(live.place.offset + part.text);
      editor.selection = new vscode.Selection(end, end);
    }
    fates.apply({ type: 'next-applied', at: Date.now(), id: live.id, done });
    return done;
  }

  /** One command at a time: a key that comes while an edit goes in is not meant for it. */
  async #exclusively(run: (editor: vscode.TextEditor, live: NextEdit) => Promise<void> | void): Promise<void> {
    const live = this.#ports.fates.nextEdit;
    const editor = vscode.window.activeTextEditor;
    if (this.#busy || live === null || !editor || keyOf(editor.document) !== live.document) return;
    this.#busy = true;
    try {
      await run(editor, live);
    } finally {
      this.#busy = false;
    }
  }

  #clear(): void {
    if (this.#drawn) this.#drawing.clear(this.#drawn);
    this.#drawn = null;
    this.#view = null;
    this.#setContext(null);
  }

  /** For the conditions of keys: whether a next edit is on the screen, at the cursor, and whether Tab is its key. */
  #setContext(view: NextEditView | null): void {
    const keys: Readonly<Record<string, boolean>> = {
      'knack.nextEditVisible': view !== null,
      'knack.nextEditHere': view?.hint.where === 'here',
      'knack.nextEditTab': view !== null && view.tab !== 'none',
    };
    for (const [key, value] of Object.entries(keys)) {
      if (this.#context.get(key) === value) continue;
      this.#context.set(key, value);
      void vscode.commands.executeCommand('setContext', key, value);
    }
  }
}

/** Languages in which Emmet expands abbreviations by default. */
const EMMET =
  /^(html|haml|jade|pug|slim|css|scss|sass|less|stylus|xml|xsl|javascriptreact|typescriptreact|vue|svelte|php)$/;

/** Where Emmet is set to Tab, and an abbreviation may stand before the cursor, the key is Emmet's. */
function emmetTakesTab(document: vscode.TextDocument, at: vscode.Position): boolean {
  if (!EMMET.test(document.languageId)) return false;
  if (!vscode.workspace.getConfiguration('emmet', document).get('triggerExpansionOnTab')) return false;
  return /\S$/.test(document.lineAt(at.line).text.slice(0, at.character));
}

/** What is left of a next edit, in the document's places. */
function editOf(document: vscode.TextDocument, live: NextEdit): Edit {
  const { offset, text } = live.place;
  return {
    start: placeOf(document.positionAt(offset)),
    end: placeOf(document.positionAt(offset + text.length)),
    text: live.target.replaceAll('\r\n', '\n'),
  };
}

function left(live: NextEdit): { replaced: string; text: string } {
  return { replaced: live.place.text, text: live.target };
}

function whole(live: NextEdit): Part {
  return { replaced: live.place.text.length, text: live.target.length };
}
