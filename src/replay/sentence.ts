/** What a replay found, in one sentence for people. */
import { t } from '@vscode/l10n';
import { REFERENCE } from './arms.ts';
import { percent } from './figures.ts';
import type { ArmReport } from './report.ts';

/** @param commits those commits, for example `your last 120 commits` */
export function sentence(arms: readonly ArmReport[], commits: string): string {
  const arm = arms.find((a) => a.name === REFERENCE) ?? arms[0]!;
  const who = arm.name === REFERENCE ? 'Knack' : t('the arm “{0}”', arm.name);
  if (arm.shown === 0) return t('Over {0} {1} would have shown nothing.', commits, who);
  const taken = arm.accepted + arm.partly;
  const shown =
    arm.shown === 1
      ? t('Over {0} {1} would have shown one suggestion', commits, who)
      : t('Over {0} {1} would have shown {2} suggestions', commits, who, whole(arm.shown));
  const right = taken === 0 ? t('none') : taken === arm.shown ? t('all') : whole(taken);
  return `${shown}; ${t(
    '{0} of them right, as a whole or in the first line, which would have saved {1} of what was typed. At rest, where nothing was left to do, it would have spoken up {2} of the time.',
    right,
    percent(arm.saved),
    percent(arm.falseAlarms),
  )}`;
}

export function commitsOf(n: number): string {
  return n === 1 ? t('one commit') : t('{0} commits', whole(n));
}

/** Of the user's own repository. */
export function lastCommits(n: number): string {
  return n === 1 ? t('your last commit') : t('your last {0} commits', whole(n));
}

/** With thin thousands. */
export function whole(n: number): string {
  return n.toString().replace(/\B(?=(\d{3})+$)/g, ',');
}
