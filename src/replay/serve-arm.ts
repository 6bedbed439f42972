/** An arm in a process of its own: messages by IPC, each handled and answered in turn. */
import type { Arm, Context, Learner, Lesson, Seen, Training } from './arm.ts';
import type { ArmKind, ModelPlace } from './arms.ts';
import { serialise } from './log.ts';
import type { Question } from './typist.ts';

/** What goes to the process: first where models lie, then what an arm (a learner, from `learn` on) is told. */
export type ToWorker =
  | { readonly kind: 'start'; readonly place: ModelPlace }
  | { readonly kind: 'ask'; readonly question: Question; readonly context: Context }
  | { readonly kind: 'watch'; readonly seen: Seen }
  | { readonly kind: 'learn'; readonly lesson: Lesson }
  | { readonly kind: 'train' }
  | { readonly kind: 'save'; readonly dir: string }
  | { readonly kind: 'restore'; readonly dir: string };

/** What comes back, one message for each: the answer as it is logged, what training took, or why there can be none. */
export type FromWorker =
  | { readonly kind: 'done'; readonly peakMemory: number }
  | { readonly kind: 'answer'; readonly answer: string; readonly ms: number; readonly peakMemory: number }
  | { readonly kind: 'trained'; readonly effort: Training; readonly peakMemory: number }
  | { readonly kind: 'failed'; readonly message: string };

export function serveArm(kind: ArmKind): void {
  let arm: Arm | null = null;
  let turn: Promise<void> = Promise.resolve();
  process.on('message', (message: ToWorker) => {
    turn = turn.then(async () => {
      try {
        if (message.kind === 'start') arm = await kind.start(message.place);
        process.send!(await handle(arm!, message));
      } catch (error) {
        process.send!({ kind: 'failed', message: (error as Error).message } satisfies FromWorker);
      }
    });
  });
  // The parent is gone: nobody waits for an answer.
  process.on('disconnect', () => process.exit(0));
  process.on('error', () => process.exit(0)); // an answer that was on its way then
}

async function handle(arm: Arm, message: ToWorker): Promise<FromWorker> {
  const learner = arm as Learner;
  const done = () => ({ peakMemory: process.resourceUsage().maxRSS * 1024 });
  switch (message.kind) {
    case 'ask': {
      const began = performance.now();
      const answer = await arm.answer(message.question, message.context);
      return { kind: 'answer', answer: serialise(answer), ms: performance.now() - began, ...done() };
    }
    case 'train':
      return { kind: 'trained', effort: await learner.train(), ...done() };
    case 'start':
      break;
    case 'watch':
      await arm.watch?.(message.seen);
      break;
    case 'learn':
      await learner.learn(message.lesson);
      break;
    case 'save':
      await learner.save(message.dir);
      break;
    case 'restore':
      await learner.restore(message.dir);
      break;
  }
  return { kind: 'done', ...done() };
}
