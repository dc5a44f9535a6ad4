import { useApolloClient } from '@apollo/client/react'
import { useRef, useState } from 'react'
import type { MyOrderFragment } from '../gql/graphql'
import { codeOf, messageOf } from '../orderwire/errors'
import { useSession } from '../shared/AppProvider'
import { emptyCart, keyFor, readCart } from './cart'
import { addToMyOrders } from './myOrders'
import { PlaceOrder, ProductStock } from './operations'

/** The outcome of an attempt to order. */
export type Outcome =
  | { kind: 'placed'; order: MyOrderFragment }
  /** There is less of this product than asked for. */
  | { kind: 'short'; productId: string; left: number }
  | { kind: 'refused'; message: string }
  /** No answer came: it may be placed or not. */
  | { kind: 'unknown'; message: string }

export function useCheckout() {
  const client = useApolloClient()
  const { state } = useSession()
  const [outcome, setOutcome] = useState<Outcome>()
  const [busy, setBusy] = useState(false)
  // The button is only disabled with the next rendering, and a double click is faster.
  const underWay = useRef(false)

  async function order(): Promise<Outcome | undefined> {
    const cart = readCart()
    if (state.status !== 'signed-in' || cart.lines.length === 0) return undefined
    const idempotencyKey = keyFor(cart, state.user.id)
    const items = cart.lines.map(({ productId, quantity }) => ({ productId, quantity }))
    try {
      const { data } = await client.mutate({
        mutation: PlaceOrder,
        variables: { input: { items, idempotencyKey } },
        // Put into the cache below, where the order is not overwritten by an older state of it.
        fetchPolicy: 'no-cache',
      })
      const placed = data?.placeOrder.order
      if (placed) {
        emptyCart(idempotencyKey)
        addToMyOrders(client.cache, placed)
        return { kind: 'placed', order: placed }
      }
      const [error] = data?.placeOrder.userErrors ?? []
      const productId = items[Number(error?.field?.[1])]?.productId
      if (error?.code === 'INSUFFICIENT_STOCK' && productId) {
        return { kind: 'short', productId, left: await stockOf(productId) }
      }
      return { kind: 'refused', message: error?.message ?? 'The order was refused.' }
    } catch (error) {
      const message = messageOf(error)
      return codeOf(error) ? { kind: 'refused', message } : { kind: 'unknown', message }
    }
  }

  async function stockOf(id: string): Promise<number> {
    const { data } = await client.query({ query: ProductStock, variables: { id }, fetchPolicy: 'network-only' })
    return data?.product?.stock ?? 0
  }

  async function placeOrder() {
    if (underWay.current) return
    underWay.current = true
    setBusy(true)
    try {
      setOutcome(await order())
    } finally {
      underWay.current = false
      setBusy(false)
    }
  }

  return { placeOrder, busy, outcome, forget: () => setOutcome(undefined) }
}
