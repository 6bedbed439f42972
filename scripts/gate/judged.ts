/** A replay before `frozen` and a gate of each source's own, with what the gate looked at and what each suggestion was worth. */
import { type Gate, type Judgement, SHOW } from '../../src/gate/gate.ts';
import type { Answer, Context } from '../../src/replay/arm.ts';
import { type ArmKind, armKinds } from '../../src/replay/arms.ts';
import { Learned, type LearnedOwn } from '../../src/replay/learned.ts';
import type { ArmRuns } from '../../src/replay/report.ts';
import { runSession, type Settings, type Source, type Watcher } from '../../src/replay/session.ts';
import type { Question } from '../../src/replay/typist.ts';
import { walk } from '../../src/replay/walk.ts';

/** A suggestion that there was to be shown or not. */
export interface Judged {
  readonly judgement: Judgement;
  /** What it would have been worth, 0 to 1, shown or not. */
  readonly worth: number;
  readonly point: string;
  readonly shown: boolean;
  /** Whether `frozen` shows it live. */
  readonly frozen: boolean;
}

export interface JudgedSource {
  readonly name: string;
  readonly judged: readonly Judged[];
  readonly frozen: ArmRuns;
  readonly gate: ArmRuns;
}

const SILENT: Watcher = { begin() {}, progress() {}, end() {} };

/** Keeps what the gate looked at, by the virtual clock. */
class Recorder extends Learned {
  readonly judgements = new Map<number, Judgement>();

  override async answer(question: Question, context: Context): Promise<Answer | null> {
    const answer = await super.answer(question, context);
    const { judgement } = (answer?.own ?? {}) as Partial<LearnedOwn>;
    if (judgement !== undefined) this.judgements.set(context.at, judgement);
    return answer;
  }
}

export async function judge(
  sources: readonly Source[],
  settings: Settings,
  gates: readonly (() => Gate)[],
  typing: boolean,
  watcher = SILENT,
): Promise<JudgedSource[]> {
  const [frozen, gate] = armKinds(['frozen', typing ? 'gate+typing' : 'gate']) as [ArmKind, ArmKind];
  const results: JudgedSource[] = [];
  for (const [n, source] of sources.entries()) {
    const recorder = new Recorder(null, gates[n]!());
    const arms = [frozen, { ...gate, start: async () => recorder }];
    let runs: readonly ArmRuns[] = [];
    await runSession([source], { ...settings, arms }, { ...watcher, end: (_, r) => void (runs = r) });
    const [a, b] = runs as [ArmRuns, ArmRuns];
    const live = new Map(a.runs[0]!.asks.map((ask) => [ask.index, ask.confidence]));
    const judged: Judged[] = [];
    for (const { ask, fate } of walk(b.runs[0]!.asks, SHOW)) {
      const judgement = recorder.judgements.get(ask.index);
      if (fate === 'covered' || ask.confidence === null || judgement === undefined) continue;
      const isWrong = ask.point === 'rest' || ask.outcome === 'wrong' || ask.isRefused;
      const worth = isWrong ? 0 : ask.outcome === 'right' ? 1 : 0.5;
      const sure = (live.get(ask.index) ?? Number.NEGATIVE_INFINITY) >= frozen.threshold;
      judged.push({ judgement, worth, point: ask.point, shown: fate !== 'silent', frozen: sure });
    }
    results.push({ name: source.history.name, judged, frozen: a, gate: b });
  }
  return results;
}
