/** What graphics hardware and drivers the system lists: a part of the key under which a probe's results are kept. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { arch, cpus, platform, release } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Graphics {
  /** Changes with the hardware, its drivers, and what tells the system which to use. */
  readonly id: string;
  /** Whether there is any; null if the system was not asked or did not say. */
  readonly hardware: boolean | null;
}

/** Variables that choose a Vulkan driver. */
const CHOOSING = ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'VK_ADD_DRIVER_FILES', 'DRI_PRIME', 'CUDA_VISIBLE_DEVICES'];

/** Never throws: what cannot be read is left out. */
export async function graphics(env: NodeJS.ProcessEnv = process.env): Promise<Graphics> {
  const adapters = await (platform() === 'linux' ? linux() : platform() === 'win32' ? windows() : null);
  const chosen = CHOOSING.filter((name) => env[name]).map((name) => `${name}=${env[name]}`);
  // macOS brings its drivers along: the system's release says it all.
  const id = [platform(), arch(), release(), cpus()[0]?.model ?? '', ...(adapters ?? []), ...chosen].join('\n');
  const real = adapters?.some((name) => !/basic (render|display)/i.test(name));
  return { id, hardware: adapters === null ? null : real === true };
}

/** PCI ids with the kernel's driver, and the versions of drivers that are not the kernel's own. */
async function linux(): Promise<string[]> {
  const folder = '/sys/class/drm';
  const cards = (await readdir(folder).catch(() => [])).filter((name) => /^(card|renderD)\d+$/.test(name)).sort();
  const events = await Promise.all(cards.map((name) => text(join(folder, name, 'device', 'uevent'))));
  const adapters = events.map((event) => event.match(/^(DRIVER|PCI_ID)=.*/gm)?.join(' ') ?? 'unknown adapter');
  const nvidia = await text('/sys/module/nvidia/version');
  // WSL gives its graphics through one device, without DRM.
  const wsl = existsSync('/dev/dxg') ? ['dxg'] : [];
  return [...new Set(adapters), ...(nvidia === '' ? [] : [`nvidia ${nvidia.trim()}`]), ...wsl];
}

async function windows(): Promise<string[] | null> {
  const script =
    'Get-CimInstance Win32_VideoController | ForEach-Object { "$($_.Name) $($_.PNPDeviceID) $($_.DriverVersion)" }';
  try {
    const { stdout } = await promisify(execFile)('powershell.exe', ['-NoProfile', '-Command', script], {
      timeout: 20_000,
      windowsHide: true,
    });
    return stdout.split(/\r?\n/).filter((line) => line.trim() !== '');
  } catch {
    return null;
  }
}

async function text(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
