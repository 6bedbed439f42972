/** Finds a Chromium for the end-to-end tests, or installs Debian's. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrograms } from './packages.ts';

/** Where browsers of Chromium's kind lie. Ubuntu's chromium is a snap, which may not see a temporary folder: Chrome first there. */
function candidates(env: NodeJS.ProcessEnv): string[] {
  if (env.KNACK_CHROMIUM) return [env.KNACK_CHROMIUM];
  if (process.platform === 'darwin') {
    return ['Google Chrome', 'Chromium', 'Microsoft Edge'].map(
      (name) => `/Applications/${name}.app/Contents/MacOS/${name}`,
    );
  }
  if (process.platform === 'win32') {
    const roots = [env.PROGRAMFILES, env['PROGRAMFILES(X86)'], env.LOCALAPPDATA].filter((root) => root !== undefined);
    const programs = ['Google\\Chrome\\Application\\chrome.exe', 'Microsoft\\Edge\\Application\\msedge.exe'];
    return roots.flatMap((root) => programs.map((name) => join(root, name)));
  }
  return ['/usr/bin/google-chrome', '/usr/bin/google-chrome-stable', '/usr/bin/chromium', '/usr/bin/chromium-browser'];
}

/**
 * Path of a Chromium. KNACK_CHROMIUM names one; on Debian as root it is installed where there is none.
 * Throws UserError with what to install.
 */
export async function ensureChromium(detail: (line: string) => void): Promise<string> {
  const find = () => candidates(process.env).find((path) => existsSync(path));
  await ensurePrograms(
    [{ debian: 'chromium', present: () => find() !== undefined }],
    'drive the editor in a browser',
    detail,
  );
  return find() as string;
}
