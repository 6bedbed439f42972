/** What a person sees while the scripts work: one line when a step begins, one when it is done. */

/** Thrown for what the user can mend: printed as a line without a stack. */
export class UserError extends Error {}

/** Runs a step and prints how long it took; `detail` is called with lines to show below it. */
export async function step<T>(title: string, work: (detail: (line: string) => void) => Promise<T>): Promise<T> {
  console.log(`• ${title} …`);
  const begin = Date.now();
  let last = '';
  const result = await work((line) => {
    if (line !== last) console.log(`    ${line}`);
    last = line;
  });
  console.log(`  ${title}: done (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
  return result;
}

/** Runs a script's main function; an error becomes a line on stderr and exit status 1. */
export async function main(work: () => Promise<number | undefined>): Promise<void> {
  try {
    process.exitCode = (await work()) ?? 0;
  } catch (error) {
    console.error(error instanceof UserError ? `\nerror: ${error.message}` : error);
    process.exitCode = 1;
  }
}
