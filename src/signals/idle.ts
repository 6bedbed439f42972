/** Whether a training round may start now: a pure decision over what the machine and the settings say. */

import { t } from '@vscode/l10n';

export interface IdleFacts {
  /** Epoch milliseconds. */
  readonly now: number;
  /** Last editor event in any window, epoch milliseconds; 0 if there was none. */
  readonly lastActivity: number;
  readonly idleSeconds: number;
  readonly newSignals: number;
  readonly minSignals: number;
  /** Share of the processors' time that other work takes, 0 to 1. */
  readonly load: number;
  readonly onBattery: boolean;
  readonly allowBattery: boolean;
  readonly trusted: boolean;
  readonly enabled: boolean;
}

export type IdleDecision = { readonly go: true } | { readonly go: false; readonly reason: string };

/** Share of the processors that others may keep busy: half of a machine at work is somebody's build or test run. */
export const MAX_LOAD = 0.5;

/** The first reason not to train, in words for the status bar; lasting reasons come before passing ones. */
export function mayTrain(facts: IdleFacts): IdleDecision {
  const no = (reason: string): IdleDecision => ({ go: false, reason });
  if (!facts.enabled) return no(t('Training is switched off.'));
  if (!facts.trusted) return no(t('This workspace is not trusted: Knack suggests, but does not learn from it.'));
  if (facts.newSignals < facts.minSignals) {
    return no(t('Waiting for signals: {0} of {1}.', facts.newSignals, facts.minSignals));
  }
  if (facts.onBattery && !facts.allowBattery) return no(t('Waiting for mains power.'));
  // A last activity in the future means that the clock was set back: wait as if it were now.
  const idleMs = Math.max(0, facts.now - facts.lastActivity);
  if (idleMs < facts.idleSeconds * 1000) {
    return no(t('Waiting for a pause of {0} s in the editor.', facts.idleSeconds));
  }
  if (facts.load > MAX_LOAD) return no(t('Waiting until the machine is less busy.'));
  return { go: true };
}
