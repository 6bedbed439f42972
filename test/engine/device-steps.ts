/** A process that takes training steps on a device and prints what came of them: `device steps`, and how. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Device, PROVIDERS } from '../../src/engine/device.ts';
import { fallbacks, hostCopies, nodeRuns } from '../../src/engine/profile.ts';
import { StatefulSession } from '../../src/engine/stateful.ts';
import { makeTrial } from '../../src/engine/trial.ts';

export interface Steps {
  readonly losses: readonly number[];
  readonly norms: readonly number[];
  /** The adapter's parameters after the last step. */
  readonly parameters: readonly number[];
  /** Resident megabytes after every 20th step. */
  readonly residentMb: readonly number[];
  readonly stateCopies: number;
  /** Bytes between host and device, a step. */
  readonly bytesPerStep: number;
  readonly fallbacks: readonly string[];
  readonly hostCopies: number;
  readonly providers: readonly string[];
}

async function take(device: Device, steps: number): Promise<Omit<Steps, 'fallbacks' | 'hostCopies' | 'providers'>> {
  const trial = makeTrial('small');
  const session = await StatefulSession.create(trial.graph, trial.state, { threads: 2, device });
  const [losses, norms, residentMb]: number[][] = [[], [], []];
  let first = 0;
  for (let step = 1; step <= steps; step++) {
    const { loss, norm, applied } = await session.run(trial.feeds(step), ['loss', 'norm', 'applied']);
    if (applied!.data[0] !== 1) throw new Error(`step ${step} was not applied`);
    losses!.push(loss!.data[0] as number);
    norms!.push(norm!.data[0] as number);
    if (step === 1) first = session.transfers.bytes;
    if (step % 20 === 0) residentMb!.push(Math.round(process.memoryUsage().rss / 2 ** 20));
  }
  const bytesPerStep = steps > 1 ? (session.transfers.bytes - first) / (steps - 1) : first;
  const { stateCopies } = session;
  const { lora } = await session.read();
  await session.release();
  return {
    losses: losses!,
    norms: norms!,
    residentMb: residentMb!,
    parameters: Array.from(lora!.data as Float32Array),
    stateCopies,
    bytesPerStep,
  };
}

/** Two steps under the profiler, which keeps every node's run in memory: apart from those whose memory is watched. */
async function profile(device: Device): Promise<Pick<Steps, 'fallbacks' | 'hostCopies' | 'providers'>> {
  const folder = mkdtempSync(join(tmpdir(), 'knack-profile-'));
  try {
    const trial = makeTrial('small');
    const options = { threads: 2, device, profile: join(folder, 'steps') };
    const session = await StatefulSession.create(trial.graph, trial.state, options);
    for (const step of [1, 2]) await session.run(trial.feeds(step), ['loss']);
    session.endProfile();
    await session.release();
    const runs = nodeRuns(readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8'));
    return {
      fallbacks: [...fallbacks(runs, PROVIDERS[device]).keys()],
      hostCopies: hostCopies(runs),
      providers: [...new Set(runs.map(({ provider }) => provider))],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [device, steps] = [process.argv[2] as Device, Number(process.argv[3])];
process.stdout.write(JSON.stringify({ ...(await take(device, steps)), ...(await profile(device)) } satisfies Steps));
