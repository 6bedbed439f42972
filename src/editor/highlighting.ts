/** Has text coloured in a thread of its own (grammar-thread.ts), which is started with the first text. */
import { Worker } from 'node:worker_threads';
import type { IRawTheme } from 'vscode-textmate';
import type { GrammarFile } from './grammars.ts';
import type { Coloured } from './next-edit-box.ts';

/** The colours of lines; null: they are not known. */
export type Colours = readonly (readonly Coloured[])[] | null;

export type ToThread =
  | {
      readonly type: 'colour';
      readonly id: number;
      readonly scope: string;
      readonly above: readonly string[];
      readonly lines: readonly string[];
    }
  | { readonly type: 'grammar'; readonly scope: string; readonly file: GrammarFile | null };

export type FromThread =
  | { readonly type: 'coloured'; readonly id: number; readonly colours: Colours }
  | { readonly type: 'wanted'; readonly scope: string };

export class Highlighting {
  readonly #script: string;
  readonly #theme: IRawTheme;
  readonly #grammar: (scope: string) => Promise<GrammarFile | null>;
  #worker: Worker | null = null;
  #hasFailed = false;
  #count = 0;
  readonly #waiting = new Map<number, (colours: Colours) => void>();

  /**
   * @param script the bundle of grammar-thread.ts
   * @param grammar finds the grammar of a scope, such as `source.ts`; a failure counts as none
   */
  constructor(script: string, theme: IRawTheme, grammar: (scope: string) => Promise<GrammarFile | null>) {
    this.#script = script;
    this.#theme = theme;
    this.#grammar = grammar;
  }

  /** As Highlighter.colour; null too where the thread does not start, or dies, which it is not asked to do twice. */
  colour(scope: string, above: readonly string[], lines: readonly string[]): Promise<Colours> {
    if (this.#hasFailed) return Promise.resolve(null);
    return new Promise((resolve) => {
      const id = ++this.#count;
      this.#waiting.set(id, resolve);
      try {
        this.#worker ??= this.#start();
        this.#tell({ type: 'colour', id, scope, above, lines });
      } catch {
        this.#fail();
      }
    });
  }

  stop(): void {
    const worker = this.#worker;
    this.#fail();
    void worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(this.#script, { workerData: this.#theme, stdout: true, stderr: true });
    worker.unref();
    worker.on('message', (message: FromThread) => {
      if (message.type === 'coloured') this.#answer(message.id, message.colours);
      else void this.#find(message.scope);
    });
    worker.on('error', () => this.#fail());
    worker.on('exit', () => this.#fail());
    return worker;
  }

  async #find(scope: string): Promise<void> {
    const file = await this.#grammar(scope).catch(() => null);
    this.#tell({ type: 'grammar', scope, file });
  }

  #tell(message: ToThread): void {
    this.#worker?.postMessage(message);
  }

  #answer(id: number, colours: Colours): void {
    this.#waiting.get(id)?.(colours);
    this.#waiting.delete(id);
  }

  #fail(): void {
    this.#hasFailed = true;
    this.#worker = null;
    for (const id of [...this.#waiting.keys()]) this.#answer(id, null);
  }
}
