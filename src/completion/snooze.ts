/** Silence for a while: for some minutes, until VS Code restarts, or in one file. Values; lost with the window. */
import { t } from '@vscode/l10n';

export interface Snooze {
  /** Epoch milliseconds; Infinity: until the restart; null: no. */
  readonly until: number | null;
  /** Documents (their URIs) that are left alone until the restart. */
  readonly documents: ReadonlySet<string>;
}

export const AWAKE: Snooze = { until: null, documents: new Set() };

/** The longest snooze that is given in minutes: a day. */
export const MOST_MINUTES = 1_440;

/** @param minutes from 1 to MOST_MINUTES, or Infinity: until the restart */
export function snoozeFor(snooze: Snooze, minutes: number, now: number): Snooze {
  return { ...snooze, until: now + minutes * 60_000 };
}

export function snoozeIn(snooze: Snooze, document: string): Snooze {
  return { ...snooze, documents: new Set([...snooze.documents, document]) };
}

/** Why a document gets no suggestions unasked for now, in half a sentence; null if it does. */
export function snoozedBecause(
  { until, documents }: Snooze,
  document: string | null,
  now: number,
  clock: (at: number) => string,
): string | null {
  if (until !== null && until > now) {
    return until === Infinity ? t('snoozed until VS Code restarts') : t('snoozed until {0}', clock(until));
  }
  return document !== null && documents.has(document) ? t('snoozed in this file until VS Code restarts') : null;
}
