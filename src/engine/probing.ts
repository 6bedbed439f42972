/**
 * The test that a device must pass before training trusts it: the same steps there and on the CPU, no part of a step
 * left to the CPU, and how long a step takes. Runs where a driver may crash or hang: in a process of its own (probe.ts).
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Course, disagreement } from './agreement.ts';
import { DEVICE_NAMES, type Device, PROVIDERS, refusal, softwareAdapter } from './device.ts';
import { loaded } from './loaded.ts';
import type { FromProbe, ProbeJob, ProbeResult } from './probe-job.ts';
import { fallbacks, type NodeRun, nodeRuns } from './profile.ts';
import { probeServing } from './serving-trial.ts';
import { StatefulSession } from './stateful.ts';
import { makeTrial, type Trial } from './trial.ts';

/** Steps that are compared, and those that are timed after two that warm up. */
const COMPARED = 5;
const TIMED = 3;

/** Makes a session; a test gives one that computes wrongly. */
export type OpenSession = typeof StatefulSession.create;

/**
 * Throws nothing that a device can be blamed for: that is the result.
 * @param onStage is told what is done next, as the end of “while …”
 */
export async function probe(
  job: ProbeJob,
  onStage: (stage: string) => void,
  open: OpenSession = StatefulSession.create,
): Promise<ProbeResult> {
  const { device, hardware, threads } = job;
  const result = { device, trusted: false, reason: '', software: null, stepMs: null, cpuStepMs: null, timed: null };
  const name = DEVICE_NAMES[device];
  const trial = makeTrial('small');
  onStage('computing on the CPU');
  const cpu = await course(await StatefulSession.create(trial.graph, trial.state, { threads }), trial, false);
  const folder = await mkdtemp(join(tmpdir(), 'knack-probe-'));
  try {
    onStage(`opening ${name}`);
    const options = { threads, device, profile: join(folder, 'profile') };
    const session = await open(trial.graph, trial.state, options);
    const software = device === 'cpu' ? null : softwareAdapter(loaded().libraries, hardware);
    onStage(`training on ${name}`);
    const there = await course(session, trial, true);
    const differs = disagreement(cpu, there, trial.state.lora!.data as Float32Array);
    if (differs !== null) return { ...result, software, reason: `${name} computes something else: ${differs}.` };
    const left = leftToCpu(nodeRuns(await readFile(join(folder, (await readdir(folder))[0]!), 'utf8')), device);
    if (left !== null) return { ...result, software, reason: left };

    onStage(`measuring ${name}`);
    const timed = software === null && device !== 'cpu' ? 'realistic' : 'small';
    const size = timed === 'small' ? trial : makeTrial(timed);
    const stepMs = await time(await open(size.graph, size.state, { threads, device }), size);
    onStage('measuring the CPU');
    const cpuStepMs = await time(await StatefulSession.create(size.graph, size.state, { threads }), size);
    return { ...result, trusted: true, software, stepMs, cpuStepMs, timed };
  } catch (error) {
    return { ...result, reason: refusal(device, error as Error) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Takes the steps, has the profile written and frees the session. */
async function course(session: StatefulSession, trial: Trial, profiled: boolean): Promise<Course> {
  try {
    const [losses, norms]: number[][] = [[], []];
    for (let step = 1; step <= COMPARED; step++) {
      const { loss, norm } = await session.run(trial.feeds(step), ['loss', 'norm']);
      losses!.push(loss!.data[0] as number);
      norms!.push(norm!.data[0] as number);
    }
    const state = await session.read();
    if (profiled) session.endProfile();
    const floats = (name: string): Float32Array => state[name]!.data as Float32Array;
    return { losses: losses!, norms: norms!, parameters: floats('lora'), moments: floats('lora.mean') };
  } finally {
    await session.release();
  }
}

function leftToCpu(runs: readonly NodeRun[], device: Device): string | null {
  if (device === 'cpu') return null;
  const name = DEVICE_NAMES[device];
  const provider = PROVIDERS[device];
  if (!runs.some((each) => each.provider === provider)) return `Nothing of a training step ran on ${name}.`;
  const left = [...fallbacks(runs, provider).keys()];
  if (left.length === 0) return null;
  const first = left.slice(0, 3).join(', ');
  return `${name} cannot run ${left.length} parts of a training step, which would run on the CPU: ${first}${left.length > 3 ? ', …' : ''}.`;
}

async function time(session: StatefulSession, trial: Trial): Promise<number> {
  try {
    const times: number[] = [];
    for (let step = 1; step <= 2 + TIMED; step++) {
      const begin = performance.now();
      await session.run(trial.feeds(step), ['loss']);
      if (step > 2) times.push(performance.now() - begin);
    }
    return times.sort((a, b) => a - b)[TIMED >> 1]!;
  } finally {
    await session.release();
  }
}

/** The probe's process: waits for the job, does it and ends. */
export function serveProbe(open?: OpenSession): void {
  const send = (message: FromProbe): void => {
    process.send?.(message);
  };
  process.once('message', async (job: ProbeJob) => {
    const onStage = (stage: string): void => send({ type: 'stage', stage });
    const { serving } = job;
    const result = serving ? await probeServing({ ...job, serving }, onStage) : await probe(job, onStage, open);
    send({ type: 'result', result });
    process.disconnect();
  });
  // Nobody waits for the result any more.
  process.on('disconnect', () => process.exit());
}
