/** The environment of the process that trains. */

/**
 * glibc gives large blocks back to the system as soon as they are free, and a step asks for them again: each page is
 * then cleared and mapped anew. Kept, a step on the CPU is faster (docs/log.md). Other C libraries ignore these names.
 */
const ALLOCATOR = {
  MALLOC_MMAP_THRESHOLD_: '33554432',
  MALLOC_TRIM_THRESHOLD_: '100000000000',
  MALLOC_TOP_PAD_: '67108864',
} as const;

/** What the user has set stays. A debugger's options, or ones that Electron run as Node refuses, are left out. */
export function trainerEnvironment(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...ALLOCATOR, ...own };
  delete env.NODE_OPTIONS;
  return env;
}
