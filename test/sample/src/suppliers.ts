import { trace } from './trace.ts';

const suppliers = new Map<string, string>();

/** Remembers who delivers an item. */
export function addSupplier(sku: string, name: string): void {
  trace('addSupplier');
  suppliers.set(sku, name);
}

/** Who delivers an item. */
export function supplierOf(sku: string): string | undefined {
  return suppliers.get(sku);
}

export function dropSupplier(sku: string): boolean {
  return suppliers.delete(sku);
}
