/** The probe, on a device that gets one parameter of the adapter wrong. */
import { serveProbe } from '../../../src/engine/probing.ts';
import { StatefulSession } from '../../../src/engine/stateful.ts';

serveProbe((graph, state, options) => {
  const lora = state.lora!;
  const data = (lora.data as Float32Array).slice();
  data[100]! += 0.05;
  return StatefulSession.create(graph, { ...state, lora: { ...lora, data } }, { ...options, device: 'cpu' });
});
