import { trace } from './trace.ts';
import type { Order } from './types.ts';

const orders = new Map<string, Order>();

export function addOrder(order: Order): void {
  trace('addOrder');
  orders.set(order.id, order);
}

export function removeOrder(id: string): boolean {
  trace('removeOrder');
  return orders.delete(id);
}

export function hasOrder(id: string): boolean {
  trace('hasOrder');
  return orders.has(id);
}

export function findOrder(id: string): Order | undefined {
  return orders.get(id);
}

export function closeOrder(id: string): boolean {
  const order = orders.get(id);
  if (!order?.open) return false;
  order.open = false;
  return true;
}

export function countOrders(): number {
  trace('countOrders');
  return orders.size;
}
