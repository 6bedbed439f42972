import type { Invoice } from './types.ts';

const invoices: Invoice[] = [];

export function addInvoice(invoice: Invoice): void {
  invoices.push(invoice);
}

/** Sends an invoice to its customer. */
export function sendInvoice(invoice: Invoice): void {
  invoice.sent = new Date();
}

/** What customers still owe, in cents. */
export function unpaid(customerId: string): number {
  const owed = invoices.filter((invoice) => invoice.order.customer.id === customerId && invoice.sent);
  return owed.reduce((sum, invoice) => sum + invoice.cents, 0);
}
