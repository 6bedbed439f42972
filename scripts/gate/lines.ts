/** Fitted weights as lines of an object in a source file, as the formatter would have them. */
export function weightLines(weights: readonly (readonly [name: string, weight: number])[], indent: string): string {
  return weights.map(([name, weight]) => `${indent}${keyOf(name)}: ${weight},`).join('\n');
}

function keyOf(name: string): string {
  return /^\w+$/.test(name) ? name : name.includes("'") ? `"${name}"` : `'${name}'`;
}
