/** Entry of the process that tests a device: it may crash or hang, and nobody else does. */
import { serveProbe } from './probing.ts';

serveProbe();
