/** Threads that training takes on the CPU: one less than there are, so that the machine stays usable, and no more than four, which is where it stops paying. */
import { availableParallelism } from 'node:os';

export const TRAINING_THREADS = Math.min(4, Math.max(1, availableParallelism() - 1));
