import type { OrderStatus } from '../gql/graphql'

/** Every status, in the order of an order's life. */
export const STATUSES: readonly OrderStatus[] = ['PENDING', 'CONFIRMED', 'SHIPPED', 'DELIVERED', 'CANCELLED', 'RETURNED']

export function statusName(status: OrderStatus): string {
  return status.charAt(0) + status.slice(1).toLowerCase()
}

/** The cursor of what happened last to any of these orders: what a list of them is up to date with. */
export function latestCursor(
  orders: readonly { history: readonly { cursor: string; occurredAt: string }[] }[],
): string | undefined {
  let latest: { cursor: string; occurredAt: string } | undefined
  for (const { history } of orders) {
    const last = history.at(-1)
    if (last && (!latest || last.occurredAt > latest.occurredAt)) latest = last
  }
  return latest?.cursor
}
