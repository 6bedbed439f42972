/** The environments of the processes that train and serve. */

/**
 * glibc gives large blocks back to the system as soon as they are free, and a step asks for them again: each page is
 * then cleared and mapped anew. Kept, a step on the CPU is faster, and again on huge pages, where the system has them to
 * give (docs/log.md). Other C libraries ignore these names.
 */
const ALLOCATOR = {
  MALLOC_MMAP_THRESHOLD_: '33554432',
  MALLOC_TRIM_THRESHOLD_: '100000000000',
  MALLOC_TOP_PAD_: '67108864',
  GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
} as const;

/**
 * Serving keeps little between two requests, and what it keeps is large: of its own mapping, a block goes back to the
 * system when it is freed. Else glibc raises the size from which blocks are mapped, and the heap keeps a good deal of what
 * was freed once the model is released. What passes need for a moment comes from an arena (`SessionOptions.arena`):
 * with blocks of their own they would take three times as long (docs/log.md).
 */
const ENGINE_ALLOCATOR = { MALLOC_MMAP_THRESHOLD_: '262144' } as const;

/** As the extension host's, with our allocator settings where the user has none. */
export function engineEnvironment(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...ENGINE_ALLOCATOR, ...own };
}

/** Takes the engine's own settings out of its environment: they are read by then, and its children have others. */
export function leaveEngineEnvironment(own: NodeJS.ProcessEnv): void {
  for (const [name, value] of Object.entries(ENGINE_ALLOCATOR)) if (own[name] === value) delete own[name];
}

/** What the user has set stays. A debugger's options, or ones that Electron run as Node refuses, are left out. */
export function trainerEnvironment(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...ALLOCATOR, ...own };
  delete env.NODE_OPTIONS;
  return env;
}
