/** Entry of a process that holds an arm: `worker.ts NAME`. */
import { armKinds } from './arms.ts';
import { serveArm } from './serve-arm.ts';

serveArm(armKinds([process.argv[2] ?? ''])[0]!);
