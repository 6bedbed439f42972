/** A process that answers an arm's questions: `worker.ts NAME`, then questions by IPC, each answered in turn. */
import { armKinds, type ModelPlace } from './arms.ts';
import { serialise } from './log.ts';
import type { Question } from './typist.ts';

/** What goes to a worker: first where models lie, then questions. */
export type ToWorker =
  | { readonly kind: 'start'; readonly place: ModelPlace }
  | { readonly kind: 'ask'; readonly question: Question };

/** What comes back, one message for each: the answer as it is logged, or why there can be none. */
export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly answer: string; readonly ms: number; readonly peakMemory: number }
  | { readonly kind: 'failed'; readonly message: string };

const [kind] = armKinds([process.argv[2] ?? '']);
let arm: Awaited<ReturnType<(typeof kind & object)['start']>> | null = null;
let turn: Promise<void> = Promise.resolve();

process.on('message', (message: ToWorker) => {
  turn = turn.then(() => handle(message));
});
// The parent is gone: nobody waits for an answer.
process.on('disconnect', () => process.exit(0));

async function handle(message: ToWorker): Promise<void> {
  try {
    if (message.kind === 'start') {
      arm = await kind!.start(message.place);
      send({ kind: 'ready' });
      return;
    }
    const began = performance.now();
    const answer = await arm!.answer(message.question);
    const ms = performance.now() - began;
    send({ kind: 'answer', answer: serialise(answer), ms, peakMemory: process.resourceUsage().maxRSS * 1024 });
  } catch (error) {
    send({ kind: 'failed', message: (error as Error).message });
  }
}

function send(message: FromWorker): void {
  process.send!(message);
}
