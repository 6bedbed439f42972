import { trace } from './trace.ts';
import type { Item } from './types.ts';

const shelf = new Map<string, number>();

/** Puts items on the shelf. */
export function refill(item: Item, amount: number): number {
  trace('refill');
  const count = (shelf.get(item.sku) ?? 0) + amount;
  shelf.set(item.sku, count);
  return count;
}

/** Takes items from the shelf, as many as there are. */
export function take(item: Item, amount: number): number {
  const taken = Math.min(amount, shelf.get(item.sku) ?? 0);
  refill(item, -taken);
  return taken;
}

/** Empties the shelf for the inventory. */
export function clearShelf(): void {
  shelf.clear();
}
