/** A probe that finds hardware twice as fast as the CPU; it prints a line, so that runs can be counted. */
import type { FromProbe, ProbeJob } from '../../../src/engine/probe-job.ts';

process.once('message', ({ device }: ProbeJob) => {
  console.log('asked');
  const message: FromProbe = {
    type: 'result',
    result: { device, trusted: true, reason: '', software: null, stepMs: 50, cpuStepMs: 100, timed: 'realistic' },
  };
  process.send?.(message, () => process.disconnect());
});
