/**
 * `npm run test:devices`: training on every device that this machine has, held against the CPU: the probe that Knack
 * itself runs, and 200 steps of the same small model. Prints a table and, as its last line, JSON. Where WebGPU finds no
 * graphics adapter, SwiftShader stands in (Linux with x64). Ends with 1 if a device computes something else.
 */
import { execFile } from 'node:child_process';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DEVICE_NAMES, DEVICES, type Device, missingProvider, NO_ADAPTER } from '../src/engine/device.ts';
import { describe, thisPlatform } from '../src/engine/devices.ts';
import { graphics } from '../src/engine/graphics.ts';
import type { ProbeResult } from '../src/engine/probe-job.ts';
import { runProbe } from '../src/engine/probe-run.ts';
import { TRAINING_THREADS } from '../src/engine/threads.ts';
import type { Steps } from '../test/engine/device-steps.ts';
import { ROOT } from './paths.ts';
import { main, step, UserError } from './progress.ts';
import { softwareWebGpu } from './software-webgpu.ts';

const STEPS = 200;

/** The 200 steps on a device against those on the CPU. */
interface Comparison {
  readonly lossDifference: number;
  readonly parameterDifference: number;
  /** Resident memory from the middle to the end. */
  readonly grownMb: number;
  readonly stateCopies: number;
  readonly bytesPerStep: number;
  readonly fallbacks: readonly string[];
}

interface Row {
  readonly device: Device;
  readonly software: string | null;
  readonly status: 'the same' | 'refused' | 'untested';
  /** Why it is not the same. */
  readonly reason: string;
  readonly stepMs: number | null;
  readonly cpuStepMs: number | null;
  readonly timed: ProbeResult['timed'];
  readonly comparison: Comparison | null;
}

async function stepsOn(device: Device, env: NodeJS.ProcessEnv): Promise<Steps> {
  const script = join(ROOT, 'test', 'engine', 'device-steps.ts');
  const options = { env, maxBuffer: 2 ** 26, timeout: 600_000 };
  return JSON.parse((await promisify(execFile)(process.execPath, [script, device, String(STEPS)], options)).stdout);
}

async function compare(device: Device, env: NodeJS.ProcessEnv): Promise<Comparison> {
  const [cpu, there] = [await stepsOn('cpu', process.env), await stepsOn(device, env)];
  const largest = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? Number.NaN))), 0);
  const { residentMb, stateCopies, bytesPerStep, fallbacks } = there;
  return {
    lossDifference: largest(cpu.losses, there.losses),
    parameterDifference: largest(cpu.parameters, there.parameters),
    grownMb: residentMb.at(-1)! - residentMb[residentMb.length >> 1]!,
    stateCopies,
    bytesPerStep,
    fallbacks,
  };
}

async function examine(device: Device, env: NodeJS.ProcessEnv, hardware: boolean | null): Promise<Row> {
  const empty = { device, software: null, stepMs: null, cpuStepMs: null, timed: null, comparison: null };
  const missing = missingProvider(device, thisPlatform());
  if (missing !== null) return { ...empty, status: 'untested', reason: missing };
  return step(`Testing ${DEVICE_NAMES[device]}`, async (detail): Promise<Row> => {
    const result = await runProbe(
      { device, hardware, threads: TRAINING_THREADS },
      { path: join(ROOT, 'src', 'engine', 'probe.ts'), timeoutMs: 300_000, onOutput: () => undefined, env },
    );
    detail(describe(result));
    const row = { ...empty, ...result };
    if (result.reason === NO_ADAPTER) return { ...row, status: 'untested' };
    if (!result.trusted) return { ...row, status: 'refused' };
    try {
      return { ...row, status: 'the same', comparison: await compare(device, env) };
    } catch (error) {
      return { ...row, status: 'refused', reason: `${STEPS} steps failed: ${(error as Error).message}` };
    }
  });
}

/** WebGPU on SwiftShader; null where that is not to be had. */
async function onSoftware(): Promise<Row | null> {
  try {
    const software = await softwareWebGpu(console.log);
    try {
      return await examine('webgpu', software.env, false);
    } finally {
      software.dispose();
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.log(error.message);
    return null;
  }
}

function line({ device, software, status, reason, stepMs, cpuStepMs, timed, comparison: c }: Row): string {
  const name = software === null ? device : `${device} (${software})`;
  if (status !== 'the same') return `| ${name} | ${status} | | | | ${reason} |`;
  const times = stepMs === null ? '' : `${stepMs.toFixed(1)} / ${cpuStepMs?.toFixed(1)} (${timed})`;
  const left = c!.fallbacks.length === 0 ? '' : ` ${c!.fallbacks.length} nodes fall back.`;
  const about = `${c!.stateCopies} copies of the state in ${STEPS} steps, ${Math.round(c!.bytesPerStep)} bytes a step, ${c!.grownMb} MB more from step ${STEPS / 2} on.${left}`;
  return `| ${name} | ${status} | ${c!.lossDifference.toExponential(1)} | ${c!.parameterDifference.toExponential(1)} | ${times} | ${about} |`;
}

await main(async () => {
  const { hardware } = await graphics();
  const rows: Row[] = [];
  for (const device of DEVICES) {
    const row = await examine(device, process.env, hardware);
    rows.push(row);
    const software = row.reason === NO_ADAPTER ? await onSoftware() : null;
    if (software !== null) rows.push(software);
  }
  console.log(`\n| device | against the CPU | loss differs by | parameters by | ms a step / CPU | |`);
  console.log('|---|---|---|---|---|---|');
  for (const row of rows) console.log(line(row));
  const machine = `${process.platform}-${process.arch} ${release()}, ${cpus()[0]?.model.trim()}`;
  console.log(JSON.stringify({ machine, node: process.version, steps: STEPS, devices: rows }));
  return rows.some(({ status }) => status === 'refused') ? 1 : 0;
});
