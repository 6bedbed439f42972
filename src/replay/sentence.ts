/** What a replay found, in one sentence for people. */
import { REFERENCE } from './arms.ts';
import type { ArmReport } from './report.ts';

/** @param commits those commits, for example `your last 120 commits` */
export function sentence(arms: readonly ArmReport[], commits: string): string {
  const arm = arms.find((a) => a.name === REFERENCE) ?? arms[0]!;
  const who = arm.name === REFERENCE ? 'Knack' : `the arm “${arm.name}”`;
  if (arm.shown === 0) return `Over ${commits} ${who} would have shown nothing.`;
  const taken = arm.accepted + arm.partly;
  return (
    `Over ${commits} ${who} would have shown ${many(arm.shown, 'suggestion')}; ` +
    `${taken === 0 ? 'none' : taken === arm.shown ? 'all' : whole(taken)} of them right, as a whole or in the first line, ` +
    `which would have saved ${percent(arm.saved)} of what was typed. ` +
    `At rest, where nothing was left to do, it would have spoken up ${percent(arm.falseAlarms)} of the time.`
  );
}

export function many(n: number, noun: string): string {
  return `${whole(n)} ${noun}${n === 1 ? '' : 's'}`;
}

/** With thin thousands. */
export function whole(n: number): string {
  return n.toString().replace(/\B(?=(\d{3})+$)/g, ',');
}

export function percent(share: number | null): string {
  return share === null ? '–' : `${(100 * share).toFixed(1)} %`;
}
