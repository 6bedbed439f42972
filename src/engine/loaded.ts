/** What this process has loaded, by Node's own report: the same on every platform. */

export interface Loaded {
  /** Paths of shared libraries. */
  readonly libraries: readonly string[];
  /** Version of glibc; null with musl, and on systems other than Linux. */
  readonly glibc: string | null;
}

export function loaded(): Loaded {
  // Sockets' host names would be looked up otherwise.
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as unknown as {
    readonly sharedObjects: readonly string[];
    readonly header: { readonly glibcVersionRuntime?: string };
  };
  return { libraries: report.sharedObjects, glibc: report.header.glibcVersionRuntime ?? null };
}
