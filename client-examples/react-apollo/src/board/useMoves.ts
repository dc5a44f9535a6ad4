import { useApolloClient } from '@apollo/client/react'
import { useState } from 'react'
import type { BoardOrderFragment, OrderStatus } from '../gql/graphql'
import { messageOf } from '../orderwire/errors'
import { writeIfNewer } from '../orderwire/newest'
import { statusName } from '../shared/orders'
import { BoardOrder, OneOrder, UpdateOrderStatus } from './operations'

/** Moves orders from status to status, and keeps the message of a move that failed. */
export interface Moves {
  move: (order: BoardOrderFragment, to: OrderStatus) => Promise<void>
  /** By the order's id. */
  notices: ReadonlyMap<string, string>
  dismiss: (orderId: string) => void
}

export function useMoves(): Moves {
  const client = useApolloClient()
  const [notices, setNotices] = useState<ReadonlyMap<string, string>>(new Map())

  const dismiss = (orderId: string) =>
    setNotices((notices) => new Map([...notices].filter(([id]) => id !== orderId)))
  const tell = (orderId: string, text: string) => setNotices((notices) => new Map([...notices, [orderId, text]]))

  async function move(order: BoardOrderFragment, to: OrderStatus) {
    dismiss(order.id)
    try {
      const { data } = await client.mutate({
        mutation: UpdateOrderStatus,
        // Only if the order was not changed since it was drawn here.
        variables: { input: { orderId: order.id, status: to, expectedVersion: order.version } },
        optimisticResponse: {
          updateOrderStatus: {
            order: {
              ...order,
              status: to,
              version: order.version + 1,
              allowedTransitions: [],
              updatedAt: new Date().toISOString(),
            },
            userErrors: [],
          },
        },
        // The answer may be older than a live update that overtook it, so it is not written just so.
        fetchPolicy: 'no-cache',
        update: (cache, { data }) => {
          const moved = data?.updateOrderStatus.order
          if (moved) writeIfNewer(cache, BoardOrder, moved)
        },
      })
      const [error] = data?.updateOrderStatus.userErrors ?? []
      if (error?.code === 'VERSION_MISMATCH' || error?.code === 'INVALID_TRANSITION') {
        const found = await read(order.id)
        const now = found ? statusName(found.status).toLowerCase() : 'gone'
        tell(order.id, `Somebody else moved this order meanwhile: now it is ${now}.`)
      } else if (error) {
        tell(order.id, error.message)
      }
    } catch (error) {
      tell(order.id, messageOf(error))
    }
  }

  async function read(id: string): Promise<BoardOrderFragment | undefined> {
    const { data } = await client.query({ query: OneOrder, variables: { id }, fetchPolicy: 'no-cache' })
    const order = data?.order ?? undefined
    if (order) writeIfNewer(client.cache, BoardOrder, order)
    return order
  }

  return { move, notices, dismiss }
}
