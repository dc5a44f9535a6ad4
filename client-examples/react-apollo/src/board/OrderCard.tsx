import { memo, useEffect, useRef, type RefObject } from 'react'
import type { BoardOrderFragment, OrderStatus } from '../gql/graphql'
import { formatMoney } from '../orderwire/money'
import { statusName } from '../shared/orders'
import { formatTime, plural } from '../shared/text'
import type { Moves } from './useMoves'

/** The label of the button that moves an order to a status. */
const VERBS: Record<OrderStatus, string> = {
  PENDING: 'Reopen',
  CONFIRMED: 'Confirm',
  SHIPPED: 'Ship',
  DELIVERED: 'Deliver',
  CANCELLED: 'Cancel',
  RETURNED: 'Take back',
}

/** Steps that end an order are offered quietly. */
const QUIET = new Set<OrderStatus>(['CANCELLED', 'RETURNED'])

interface Props {
  order: BoardOrderFragment
  moves: Moves
  moved: RefObject<string | undefined>
}

export const OrderCard = memo(
  function OrderCard({ order, moves, moved }: Props) {
    const { id, number, customer, region, total, items, allowedTransitions } = order
    const card = useRef<HTMLLIElement>(null)
    useEffect(() => {
      if (moved.current !== id) return
      moved.current = undefined
      card.current?.focus({ preventScroll: true })
    }, [id, moved])
    const notice = moves.notices.get(id)
    const units = items.reduce((units, { quantity }) => units + quantity, 0)
    return (
      <li
        ref={card}
        className="card"
        tabIndex={-1}
        data-order={number}
        aria-label={`Order ${number}, ${statusName(order.status)}`}
      >
        <h3 className="order-number" title={number}>
          {number}
        </h3>
        <p className="card-customer" title={customer.name}>
          {customer.name}
        </p>
        <p className="card-row">
          <span className="card-region muted" title={region}>
            {region}
          </span>
          <time className="muted" dateTime={order.updatedAt}>
            {formatTime(order.updatedAt)}
          </time>
        </p>
        <p className="card-row">
          <span className="muted">{plural(units, 'unit')}</span>
          <span className="price">{formatMoney(total)}</span>
        </p>
        {notice && (
          <div className="notice notice-warn card-notice" role="alert">
            <p>{notice}</p>
            <button type="button" className="link" onClick={() => moves.dismiss(id)}>
              Got it
            </button>
          </div>
        )}
        {allowedTransitions.length > 0 && (
          <p className="card-actions">
            {allowedTransitions.map((to) => (
              <button
                key={to}
                type="button"
                className={QUIET.has(to) ? 'button button-small button-quiet' : 'button button-small'}
                aria-label={`${VERBS[to]} order ${number}`}
                onClick={() => {
                  moved.current = id
                  void moves.move(order, to)
                }}
              >
                {VERBS[to]}
              </button>
            ))}
          </p>
        )}
      </li>
    )
  },
  // A live board draws often; a card only when its order or its notice is another.
  (before, after) =>
    before.order === after.order && before.moves.notices.get(before.order.id) === after.moves.notices.get(after.order.id),
)
