/**
 * WebGPU on a machine without graphics hardware: SwiftShader, the software Vulkan that comes with Chromium. For
 * correctness, not for speed.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ensureChromium } from './editor/chromium.ts';
import { UserError } from './progress.ts';

/** Where Chromium's own files lie: Debian's package, then Google's. */
const FOLDERS = ['/usr/lib/chromium', '/opt/google/chrome', '/usr/lib/chromium-browser'];
const DRIVER = 'vk_swiftshader_icd.json';
const LOADER = 'libvulkan.so.1';

export interface SoftwareWebGpu {
  /** The environment for a process whose WebGPU is to be SwiftShader. */
  readonly env: NodeJS.ProcessEnv;
  readonly dispose: () => void;
}

/**
 * Finds or installs Chromium (`ensureChromium`) and points the Vulkan loader at its driver. Linux with x64 alone.
 * Throws UserError with what is missing.
 */
export async function softwareWebGpu(detail: (line: string) => void): Promise<SoftwareWebGpu> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new UserError(`Software WebGPU is set up on Linux with x64, not on ${process.platform}-${process.arch}.`);
  }
  const find = () => FOLDERS.find((folder) => [DRIVER, LOADER].every((name) => existsSync(join(folder, name))));
  if (find() === undefined) await ensureChromium(detail);
  const folder = find();
  if (folder === undefined) throw new UserError(`No ${DRIVER} was found in ${FOLDERS.join(', ')}: install chromium.`);
  // A folder with the loader alone: Chromium's also holds libraries that other programs would pick up.
  const libraries = mkdtempSync(join(tmpdir(), 'knack-vulkan-'));
  const runtime = join(libraries, 'run');
  mkdirSync(runtime, { mode: 0o700 });
  symlinkSync(join(folder, LOADER), join(libraries, LOADER));
  return {
    env: {
      ...process.env,
      XDG_RUNTIME_DIR: runtime,
      VK_ICD_FILENAMES: join(folder, DRIVER),
      LD_LIBRARY_PATH: [libraries, process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter),
    },
    dispose: () => rmSync(libraries, { recursive: true, force: true }),
  };
}
