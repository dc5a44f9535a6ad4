import { useApolloClient } from '@apollo/client/react'
import { useResumableSubscription } from '../orderwire/useResumableSubscription'
import { useSession } from '../shared/AppProvider'
import { statusName } from '../shared/orders'
import { useToast } from '../shared/toasts'
import { addToMyOrders, ORDERS_PAGE } from './myOrders'
import { MyOrders, MyOrderUpdates } from './operations'

/** Keeps the signed-in customer's orders live, whatever page they look at. */
export function useMyOrderUpdates() {
  const client = useApolloClient()
  const { state } = useSession()
  const toast = useToast()
  useResumableSubscription({
    document: MyOrderUpdates,
    enabled: state.status === 'signed-in',
    cursorOf: ({ orderUpdates }) => orderUpdates.cursor,
    start: async () => {
      const variables = { first: ORDERS_PAGE }
      const { data } = await client.query({ query: MyOrders, variables, fetchPolicy: 'network-only' })
      return data?.eventCursor
    },
    onData: ({ orderUpdates: { kind, order, previousStatus } }) => {
      const isNews = addToMyOrders(client.cache, order)
      if (isNews && kind === 'STATUS_CHANGED' && order.status !== previousStatus) {
        toast(`Order ${order.number} is now ${statusName(order.status).toLowerCase()}.`)
      }
    },
  })
}
