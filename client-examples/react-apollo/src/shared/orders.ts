import type { OrderStatus } from '../gql/graphql'

/** Every status, in the order of an order's life. */
export const STATUSES: readonly OrderStatus[] = ['PENDING', 'CONFIRMED', 'SHIPPED', 'DELIVERED', 'CANCELLED', 'RETURNED']

export function statusName(status: OrderStatus): string {
  return status.charAt(0) + status.slice(1).toLowerCase()
}
