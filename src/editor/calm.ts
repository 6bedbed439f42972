/**
 * When not to speak, and how long to wait before it: the snooze, manual mode and the pace of typing, for what is
 * suggested unasked. Whoever asks gets an answer at once.
 */
import { t } from '@vscode/l10n';
import { answered, keyPressed, type Pace, UNKNOWN_PACE, waitAfterKey } from '../completion/pace.ts';
import { AWAKE, type Snooze, snoozedBecause, snoozeFor, snoozeIn } from '../completion/snooze.ts';
import type { Settings } from './settings.ts';

export class Calm {
  readonly #settings: () => Settings;
  readonly #onChange: () => void;
  readonly #clock: (at: number) => string;
  #pace: Pace = UNKNOWN_PACE;
  #snooze: Snooze = AWAKE;
  #timer: NodeJS.Timeout | null = null;

  /** @param onChange the snooze began or ended @param clock a time of day for people */
  constructor(settings: () => Settings, onChange: () => void, clock: (at: number) => string) {
    this.#settings = settings;
    this.#onChange = onChange;
    this.#clock = clock;
  }

  /** Why nothing is suggested unasked in a document (its URI), in half a sentence; null if it is. */
  silence(document: string | null): string | null {
    const snoozed = snoozedBecause(this.#snooze, document, Date.now(), this.#clock);
    if (snoozed !== null) return snoozed;
    return this.#settings().trigger === 'manual' ? t('only when you ask (knack.trigger)') : null;
  }

  /** Whether silence was asked for, for some time or in some file. */
  get snoozed(): boolean {
    const { until, documents } = this.#snooze;
    return (until !== null && until > Date.now()) || documents.size > 0;
  }

  /** @param minutes from 1 to MOST_MINUTES, or Infinity: until the restart */
  snooze(minutes: number): void {
    this.#set(snoozeFor(this.#snooze, minutes, Date.now()));
    if (minutes === Infinity) return;
    if (this.#timer) clearTimeout(this.#timer);
    // A moment later, so that it is over when it is looked at.
    this.#timer = setTimeout(() => this.#onChange(), minutes * 60_000 + 50);
  }

  snoozeIn(document: string): void {
    this.#set(snoozeIn(this.#snooze, document));
  }

  wake(): void {
    this.#set(AWAKE);
  }

  /** A key was pressed that changed a text. */
  keyPressed(at: number): void {
    this.#pace = keyPressed(this.#pace, at);
  }

  /** An answer took so many milliseconds from its question. */
  answered(ms: number): void {
    this.#pace = answered(this.#pace, ms);
  }

  /** How long to wait after a keystroke, in milliseconds. */
  wait(): number {
    return this.#settings().debounceMs ?? waitAfterKey(this.#pace);
  }

  dispose(): void {
    if (this.#timer) clearTimeout(this.#timer);
  }

  #set(snooze: Snooze): void {
    this.#snooze = snooze;
    this.#onChange();
  }
}
