/** Which processes run, told by their environment: an editor's children inherit what it was started with. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

/** Command lines of the processes (but this one) whose environment holds `name=value`. */
export function processesWith(name: string, value: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)) {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      if (command && environment.includes(`${name}=${value}`)) found.push(`${pid} ${command}`);
    } catch {
      // it has ended, or is another user's
    }
  }
  return found;
}
