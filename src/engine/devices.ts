/**
 * Which device trains, or serves: the user's setting, held against what the probe says. Results are kept in the storage folder
 * until the package, the system, its graphics or their drivers change, or somebody asks to test again.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  AUTO_ORDER,
  DEVICE_NAMES,
  DEVICES,
  type Device,
  type DeviceSetting,
  missingProvider,
  type Platform,
} from './device.ts';
import { type Graphics, graphics } from './graphics.ts';
import { loaded } from './loaded.ts';
import type { ProbeJob, ProbeResult, ServingTrial } from './probe-job.ts';
import { runProbe } from './probe-run.ts';
import { devicesPath } from './storage.ts';
import { TRAINING_THREADS } from './threads.ts';

export interface DevicesOptions {
  /** What is to be served, where that is what the devices are for; training unless told. */
  readonly serving?: ServingTrial;
  readonly storageDir: string;
  /** The probe's script. */
  readonly probePath: string;
  /** Knack's version. */
  readonly version: string;
  readonly log: (level: 'debug' | 'info' | 'warn', message: string) => void;
  readonly timeoutMs?: number;
  readonly platform?: Platform;
  readonly graphics?: () => Promise<Graphics>;
  /** The probe's environment. */
  readonly env?: NodeJS.ProcessEnv;
}

export interface Choice {
  readonly device: Device;
  /** Why it is not another one, for people; empty if there is nothing to say. */
  readonly reason: string;
  /** Whether the user asked for another one. */
  readonly unexpected: boolean;
}

/** Shader compilers take their time: the first step on a new driver has been seen to take 13 s. */
const TIMEOUT_MS = 180_000;

/** A class because the results live in it. */
export class Devices {
  readonly #options: DevicesOptions;
  readonly #platform: Platform;
  readonly #end = new AbortController();
  #known: { readonly key: string; readonly results: Map<Device, ProbeResult> } | null = null;
  /** What was last asked to be kept or forgotten. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: DevicesOptions) {
    this.#options = options;
    this.#platform = options.platform ?? thisPlatform();
  }

  /** Tests what has to be tested. Never throws: what goes wrong is a reason to train on the CPU. */
  async choose(setting: DeviceSetting): Promise<Choice> {
    if (setting === 'cpu') return { device: 'cpu', reason: '', unexpected: false };
    if (setting !== 'auto') {
      const { trusted, reason } = await this.result(setting);
      if (trusted) return { device: setting, reason: '', unexpected: false };
      return { device: 'cpu', reason, unexpected: true };
    }
    const reasons: string[] = [];
    for (const device of AUTO_ORDER) {
      const missing = missingProvider(device, this.#platform);
      const reason = missing ?? refusedByAuto(await this.result(device));
      if (reason === null) return { device, reason: '', unexpected: false };
      this.#options.log('debug', `${DEVICE_NAMES[device]} is not used: ${reason}`);
      // What this platform never had is no news.
      if (missing === null) reasons.push(reason);
    }
    return { device: 'cpu', reason: reasons.join(' '), unexpected: false };
  }

  /** The probe's result for a device: kept, or made now. */
  async result(device: Device): Promise<ProbeResult> {
    const missing = missingProvider(device, this.#platform);
    if (missing !== null) return refused(device, missing);
    const { id, hardware } = await (this.#options.graphics ?? graphics)();
    const results = await this.#load(id);
    const known = results.get(device);
    if (known !== undefined) return known;
    const { serving } = this.#options;
    const does = serving === undefined ? 'trains' : 'serves';
    this.#options.log('info', `Testing whether ${DEVICE_NAMES[device]} ${does} as the CPU does.`);
    const result = await this.#probe({
      ...{ device, hardware, threads: serving?.threads ?? TRAINING_THREADS },
      ...(serving && { serving }),
    });
    this.#options.log('info', `${DEVICE_NAMES[device]}: ${describe(result)}`);
    if (!this.#end.signal.aborted) await this.#keep(device, result);
    return result;
  }

  /** Whether choosing needs no test any more. */
  async isTested(setting: DeviceSetting): Promise<boolean> {
    if (setting === 'cpu') return true;
    const results = await this.#load((await (this.#options.graphics ?? graphics)()).id);
    const asked = setting === 'auto' ? AUTO_ORDER : [setting];
    return asked.every((device) => missingProvider(device, this.#platform) !== null || results.has(device));
  }

  /** Remembers that the work itself failed on a device: it is not used again until it is tested again. */
  distrust(device: Device, reason: string): Promise<void> {
    return this.#inOrder(async () => {
      await this.#load((await (this.#options.graphics ?? graphics)()).id);
      await this.#keep(device, refused(device, reason));
    });
  }

  /** Forgets all results, so that the next choice tests again. */
  forget(): Promise<void> {
    return this.#inOrder(async () => {
      this.#known = null;
      await rm(this.#path, { force: true });
    });
  }

  /** Ends a test that is running. */
  dispose(): void {
    this.#end.abort();
  }

  /** A failure that is still being written must not come back after it was forgotten. */
  #inOrder(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  get #path(): string {
    const { storageDir, serving } = this.#options;
    return devicesPath(storageDir, serving === undefined ? 'training' : 'serving');
  }

  #probe(job: ProbeJob): Promise<ProbeResult> {
    const { probePath, timeoutMs, log, env } = this.#options;
    return runProbe(job, {
      path: probePath,
      timeoutMs: timeoutMs ?? TIMEOUT_MS,
      onOutput: (line) => log('debug', `probe: ${line}`),
      signal: this.#end.signal,
      ...(env ? { env } : {}),
    });
  }

  /** The results that hold for this package and these graphics. */
  async #load(graphicsId: string): Promise<Map<Device, ProbeResult>> {
    const { os, arch, files } = this.#platform;
    const model = this.#options.serving?.model ?? '';
    const parts = [this.#options.version, os, arch, process.version, ...files, graphicsId, ...(model ? [model] : [])];
    const key = createHash('sha256').update(parts.join('\n')).digest('hex');
    if (this.#known?.key === key) return this.#known.results;
    const text = await readFile(this.#path, 'utf8').catch(() => '');
    this.#known = { key, results: parse(text, key) };
    return this.#known.results;
  }

  async #keep(device: Device, result: ProbeResult): Promise<void> {
    const { key, results } = this.#known!;
    results.set(device, result);
    const path = this.#path;
    const partial = `${path}.${randomUUID()}.part`;
    try {
      await writeFile(partial, JSON.stringify({ key, results: [...results.values()] }));
      await rename(partial, path);
    } catch (error) {
      await rm(partial, { force: true });
      this.#options.log('warn', `The test’s result could not be kept in ${path}: ${(error as Error).message}`);
    }
  }
}

/** Why `auto` does not take a device although it is there; null if it does. */
export function refusedByAuto(result: ProbeResult): string | null {
  const { device, trusted, reason, software, stepMs, cpuStepMs, timed } = result;
  const name = DEVICE_NAMES[device];
  if (!trusted) return reason;
  if (software !== null) return `${name} has only ${software} here, which computes on the CPU.`;
  if (stepMs !== null && cpuStepMs !== null && stepMs > cpuStepMs) {
    return `${name} is slower than the CPU here (${Math.round(stepMs)} ms ${timed === 'answer' ? 'an answer' : 'a step'} against ${Math.round(cpuStepMs)} ms).`;
  }
  return null;
}

/** A result in a sentence, for the log. */
export function describe({ trusted, reason, software, stepMs, cpuStepMs, timed }: ProbeResult): string {
  if (!trusted) return reason;
  const where = software === null ? '' : ` on ${software}`;
  if (stepMs === null) return `computes what the CPU does${where}.`;
  if (timed === 'answer')
    return `serves as the CPU does${where}; ${stepMs.toFixed(1)} ms an answer against the CPU’s ${cpuStepMs?.toFixed(1)} ms.`;
  return `trains as the CPU does${where}; ${stepMs.toFixed(1)} ms a ${timed} step against the CPU’s ${cpuStepMs?.toFixed(1)} ms.`;
}

/** This machine, with what lies beside ONNX Runtime's library. */
export function thisPlatform(): Platform {
  const { platform: os, arch } = process;
  return { os, arch, musl: os === 'linux' && loaded().glibc === null, files: runtimeFiles(os, arch) };
}

function runtimeFiles(os: string, arch: string): string[] {
  try {
    // From the program that runs, which lies beside node_modules in the repository as in the package.
    const found = createRequire(process.argv[1]!).resolve('onnxruntime-node/package.json');
    return readdirSync(join(dirname(found), 'bin', 'napi-v6', os, arch)).sort();
  } catch {
    return [];
  }
}

function refused(device: Device, reason: string): ProbeResult {
  return { device, trusted: false, reason, software: null, stepMs: null, cpuStepMs: null, timed: null };
}

/** What the file holds for this key; nothing if it is of another one, or damaged. */
function parse(text: string, key: string): Map<Device, ProbeResult> {
  try {
    const kept = JSON.parse(text) as { readonly key: unknown; readonly results: readonly ProbeResult[] };
    if (kept.key !== key) return new Map();
    const sound = kept.results.filter(
      (each) => DEVICES.includes(each.device) && typeof each.trusted === 'boolean' && typeof each.reason === 'string',
    );
    return new Map(sound.map((each) => [each.device, each]));
  } catch {
    return new Map();
  }
}
