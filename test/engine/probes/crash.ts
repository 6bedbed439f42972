/** A probe whose driver crashes. */
process.once('message', () => {
  process.send?.({ type: 'stage', stage: 'opening WebGPU' }, () => process.kill(process.pid, 'SIGSEGV'));
});
