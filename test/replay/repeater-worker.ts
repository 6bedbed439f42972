/** A repeater in a process of its own. */
import { serveArm } from '../../src/replay/serve-arm.ts';
import { REPEATER } from './repeater.ts';

serveArm(REPEATER);
