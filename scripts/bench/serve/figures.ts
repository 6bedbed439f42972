/** Figures of a process: memory and processor time, as Linux tells them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../progress.ts';

/** In MB: resident, its private and its mapped part, and the largest since `forgetPeak`. */
export interface Memory {
  readonly rss: number;
  readonly anonymous: number;
  readonly mapped: number;
  readonly peak: number;
}

export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(text)![1]) / 1024;
  return { rss: of('VmRSS'), anonymous: of('RssAnon'), mapped: of('RssFile') + of('RssShmem'), peak: of('VmHWM') };
}

/** The peak is counted anew from now on. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** Processor time that a process has taken; 0 if it is gone. */
export function processorMs(pid: number): number {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return 0;
  }
  const fields = stat.split(') ')[1]!.split(' ');
  // A tick is a hundredth of a second on every Linux that Node.js runs on.
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

/** Share of one core that a process takes while nothing is asked of it, in per cent. */
export async function idleShare(pid: number, ms: number): Promise<number> {
  const [from, began] = [processorMs(pid), performance.now()];
  await sleep(ms);
  return (100 * (processorMs(pid) - from)) / (performance.now() - began);
}

export function needLinux(): void {
  if (process.platform !== 'linux')
    throw new UserError('Memory and processor time are read from /proc: run it on Linux.');
}

export function percentile(values: readonly number[], share: number): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

export const round = (value: number | null, digits = 0): number | null =>
  value === null ? null : Math.round(value * 10 ** digits) / 10 ** digits;
