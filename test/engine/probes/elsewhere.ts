/** The probe, on a device that leaves everything to the CPU. */
import { serveProbe } from '../../../src/engine/probing.ts';
import { StatefulSession } from '../../../src/engine/stateful.ts';

serveProbe((graph, state, options) => StatefulSession.create(graph, state, { ...options, device: 'cpu' }));
