import { trace } from './trace.ts';
import type { Customer } from './types.ts';

const customers: Customer[] = [];

export function addCustomer(customer: Customer): void {
  trace('addCustomer');
  customers.push(customer);
}

export function findCustomer(id: string): Customer | undefined {
  trace('findCustomer');
  return customers.find((customer) => customer.id === id);
}

/** Everyone who lives in a city, by name. */
export function livingIn(city: string): Customer[] {
  const found = customers.filter((customer) => customer.city === city);
  return found.sort((a, b) => a.name.localeCompare(b.name));
}

export function renameCustomer(id: string, name: string): void {
  for (const customer of customers) if (customer.id === id) customer.name = name;
}
