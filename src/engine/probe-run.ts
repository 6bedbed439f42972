/** One run of the probe's process: whatever a driver does there, a result comes of it. */
import type { ChildProcess } from 'node:child_process';
import { DEVICE_NAMES } from './device.ts';
import { forkOwn, onLines } from './fork.ts';
import type { FromProbe, ProbeJob, ProbeResult } from './probe-job.ts';

export interface ProbeRunOptions {
  /** The probe's script. */
  readonly path: string;
  readonly timeoutMs: number;
  /** What the process prints, line by line. */
  readonly onOutput: (line: string) => void;
  /** Ends the run; its result says so. */
  readonly signal?: AbortSignal;
  readonly env?: NodeJS.ProcessEnv;
}

/** Never throws. */
export async function runProbe(job: ProbeJob, options: ProbeRunOptions): Promise<ProbeResult> {
  const name = DEVICE_NAMES[job.device];
  const refused = (reason: string): ProbeResult => {
    return { device: job.device, trusted: false, reason, software: null, stepMs: null, cpuStepMs: null, timed: null };
  };
  let child: ChildProcess;
  try {
    child = forkOwn(options.path, options.env);
  } catch (error) {
    return refused(`The test of ${name} could not be started: ${(error as Error).message}`);
  }
  onLines(child, options.onOutput);
  let stage = 'starting';
  let result: ProbeResult | null = null;
  let ended: string | null = null;
  const end = (reason: string): void => {
    ended ??= reason;
    child.kill('SIGKILL');
  };
  const timer = setTimeout(
    () =>
      end(`${name} did not answer for ${Math.round(options.timeoutMs / 1000)} s while ${stage}: its test was ended.`),
    options.timeoutMs,
  );
  const onAbort = (): void => end(`The test of ${name} was stopped.`);
  options.signal?.addEventListener('abort', onAbort, { once: true });
  if (options.signal?.aborted) onAbort();
  return await new Promise<ProbeResult>((resolve) => {
    const settle = (reason: string): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      resolve(result ?? refused(ended ?? reason));
    };
    child.on('message', (message: FromProbe) => {
      if (message.type === 'stage') stage = message.stage;
      else result = message.result;
    });
    child.on('error', (error) => settle(`The test of ${name} could not be started: ${error.message}`));
    child.on('close', (code, signal) =>
      settle(`${name}’s driver ended the test’s process (${signal ?? `exit status ${code}`}) while ${stage}.`),
    );
    child.send(job, (error) => {
      if (error) options.onOutput(`the job was not sent: ${error.message}`);
    });
  });
}
