import { trace } from './trace.ts';
import type { Item } from './types.ts';

const prices = new Map<string, number>();

/** Sets the price of an item, in cents. */
export function setPrice(item: Item, cents: number): void {
  trace('setPrice');
  prices.set(item.sku, cents);
}

export function priceOf(item: Item): number {
  trace('priceOf');
  return prices.get(item.sku) ?? 0;
}

/** Sum of the items' prices, in cents. */
export function totalPrice(items: Item[]): number {
  return items.reduce((sum, item) => sum + (prices.get(item.sku) ?? 0), 0);
}

export function reducePrice(item: Item, percent: number): void {
  const cents = prices.get(item.sku) ?? 0;
  prices.set(item.sku, Math.round(cents * (1 - percent / 100)));
}
