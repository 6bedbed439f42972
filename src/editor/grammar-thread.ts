/**
 * The thread in which text is coloured (grammars.ts): a grammar's rules are compiled as they are met, which takes up to
 * half a second at a stretch, and the extension host is everybody's.
 *
 * A bundle of its own, loaded when the first next edit is drawn: nobody else needs it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { IRawTheme } from 'vscode-textmate';
import { type GrammarFile, Highlighter } from './grammars.ts';
import type { FromThread, ToThread } from './highlighting.ts';

const port = parentPort!;
const tell = (message: FromThread): void => port.postMessage(message);

const wanted = new Map<string, (file: GrammarFile | null) => void>();
const highlighter = new Highlighter(workerData as IRawTheme, (scope) => {
  tell({ type: 'wanted', scope });
  return new Promise((resolve) => wanted.set(scope, resolve));
});

// One after the other: what is coloured later may need what is compiled for the first.
let turn: Promise<void> = Promise.resolve();

port.on('message', (message: ToThread) => {
  if (message.type === 'grammar') {
    wanted.get(message.scope)?.(message.file);
    wanted.delete(message.scope);
    return;
  }
  const { id, scope, above, lines } = message;
  turn = turn.then(async () => {
    const colours = await highlighter.colour(scope, above, lines).catch(() => null);
    tell({ type: 'coloured', id, colours });
  });
});
