/** Waiting for what happens outside: a condition is asked again until it holds or time is up. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the extension writes to the file that KNACK_READY_FILE names, each time its engine's state changes. */
export interface ReadyMark {
  /** The extension host's process. */
  readonly host?: number;
  readonly phase: string;
  readonly checkpoint?: string;
  readonly training?: { readonly phase: string; readonly message: string; readonly newSignals: number };
  readonly [more: string]: unknown;
}

/** The ready mark, or undefined while there is none, or while it is being written. */
export function readReadyMark(path: string): ReadyMark | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Asks `probe` every 50 ms until it gives a value. Throws after `timeoutMs`, naming `what` and what `hint` says.
 */
export async function until<T>(
  what: string,
  timeoutMs: number,
  probe: () => T | undefined | Promise<T | undefined>,
  hint: () => string = () => '',
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (Date.now() > end) throw new Error(`Waited ${timeoutMs / 1000} s for ${what}. ${hint()}`);
    await sleep(50);
  }
}
