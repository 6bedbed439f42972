/** The output channel, at levels, and the last lines of it, for a report that the user may make. */
import type * as vscode from 'vscode';

export type Level = 'debug' | 'info' | 'warn' | 'error';

/** Lines that are kept, of levels above debug. */
const KEPT = 100;

export class Log {
  readonly #channel: vscode.LogOutputChannel;
  #recent: string[] = [];

  constructor(channel: vscode.LogOutputChannel) {
    this.#channel = channel;
  }

  readonly debug = (message: string): void => this.#channel.debug(message);
  readonly info = (message: string): void => this.write('info', message);
  readonly warn = (message: string): void => this.write('warn', message);
  readonly error = (message: string | Error): void => this.write('error', message);

  write(level: Level, message: string | Error): void {
    if (level === 'error') this.#channel.error(message);
    else this.#channel[level](String(message));
    if (level === 'debug') return;
    const text = message instanceof Error ? (message.stack ?? message.message) : message;
    this.#recent = [...this.#recent, `${new Date().toISOString()} [${level}] ${text}`].slice(-KEPT);
  }

  /** Oldest first. */
  get recent(): readonly string[] {
    return this.#recent;
  }

  show(): void {
    this.#channel.show();
  }

  dispose(): void {
    this.#channel.dispose();
  }
}
