/** The probe, on a device that cannot be opened. */
import { serveProbe } from '../../../src/engine/probing.ts';

serveProbe(() => Promise.reject(new Error('Failed to get a WebGPU adapter: No supported adapters.')));
