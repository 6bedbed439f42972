/** A probe whose driver never comes back, and listens to nothing. */
process.on('SIGTERM', () => undefined);
process.once('message', () => {
  process.send?.({ type: 'stage', stage: 'training on WebGPU' }, () => {
    for (;;);
  });
});
