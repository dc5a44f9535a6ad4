import type { ApolloCache } from '@apollo/client'
import type { MyOrderFragment } from '../gql/graphql'
import { writeIfNewer } from '../orderwire/newest'
import { MyOrder, MyOrders } from './operations'

export const ORDERS_PAGE = 10

/** Puts an order into the cache: as a change of one that is known, or on top of the list. Tells whether it was news. */
export function addToMyOrders(cache: ApolloCache, order: MyOrderFragment): boolean {
  const isNews = writeIfNewer(cache, MyOrder, order)
  cache.updateQuery({ query: MyOrders, variables: { first: ORDERS_PAGE } }, (list) => {
    if (!list || list.orders.edges.some(({ node }) => node.id === order.id)) return undefined
    const { edges, totalCount, pageInfo } = list.orders
    // Counted already, on a page that was not read yet.
    const oldest = edges.at(-1)?.node
    if (pageInfo.hasNextPage && oldest && order.placedAt < oldest.placedAt) return undefined
    return {
      ...list,
      orders: {
        ...list.orders,
        totalCount: totalCount + 1,
        // A cursor is only asked for at the end of the list.
        edges: [{ __typename: 'OrderEdge' as const, cursor: '', node: order }, ...edges],
      },
    }
  })
  return isNews
}
