/** Whether the machine runs on its battery. Unknown counts as mains: a desktop has no battery to ask. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const TIMEOUT_MS = 2000;

export async function onBattery(platform: NodeJS.Platform = process.platform): Promise<boolean> {
  try {
    if (platform === 'linux') return await linux('/sys/class/power_supply');
    if (platform === 'darwin') return (await output('pmset', ['-g', 'batt'])).includes("'Battery Power'");
    if (platform === 'win32')
      return parseWindows(await output('powershell', ['-NoProfile', '-Command', WINDOWS_QUERY]));
  } catch {
    // No such tool or folder: nothing says that there is a battery.
  }
  return false;
}

/** BatteryStatus 1 is "discharging" (Win32_Battery, Microsoft's CIM documentation). */
const WINDOWS_QUERY = '(Get-CimInstance Win32_Battery).BatteryStatus';

export function parseWindows(status: string): boolean {
  return status.trim().split(/\s+/)[0] === '1';
}

/** On battery: some battery discharges and no mains supply is online (kernel: Documentation/ABI/testing/sysfs-class-power). */
export async function linux(folder: string): Promise<boolean> {
  let discharging = false;
  for (const name of await readdir(folder)) {
    const read = async (file: string): Promise<string> =>
      (await readFile(join(folder, name, file), 'utf8').catch(() => '')).trim();
    const type = await read('type');
    if (type === 'Mains' && (await read('online')) === '1') return false;
    // Mice and headsets are batteries too; theirs have the scope "Device".
    if (type === 'Battery' && (await read('scope')) !== 'Device' && (await read('status')) === 'Discharging')
      discharging = true;
  }
  return discharging;
}

function output(command: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: TIMEOUT_MS, windowsHide: true }, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    );
  });
}
