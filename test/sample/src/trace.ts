/** What the shop does, in order: each function says its name when it begins. */
export const calls: string[] = [];

export function trace(name: string): void {
  calls.push(name);
}
