export interface Customer {
  readonly id: string;
  name: string;
  city: string;
}

export interface Item {
  readonly sku: string;
  title: string;
}

export interface Order {
  readonly id: string;
  readonly customer: Customer;
  readonly items: Item[];
  open: boolean;
}

export interface Invoice {
  readonly order: Order;
  readonly cents: number;
  sent?: Date;
}
