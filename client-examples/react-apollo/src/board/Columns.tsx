import { useRef } from 'react'
import type { OrderStatus } from '../gql/graphql'
import { STATUSES, statusName } from '../shared/orders'
import { formatCount, plural } from '../shared/text'
import { OrderCard } from './OrderCard'
import type { Board } from './useBoard'
import type { Moves } from './useMoves'

const EMPTY: Record<OrderStatus, string> = {
  PENDING: 'No order is waiting.',
  CONFIRMED: 'Nothing to pack.',
  SHIPPED: 'Nothing is on its way.',
  DELIVERED: 'Nothing delivered yet.',
  CANCELLED: 'Nobody changed their mind.',
  RETURNED: 'Nothing came back.',
}

export function Columns({ columns, counts, moves }: { columns: Board['columns']; counts: Board['counts']; moves: Moves }) {
  // A card that is moved by keyboard takes the focus along.
  const moved = useRef<string>(undefined)
  return (
    <div className="columns" aria-busy={!columns}>
      {STATUSES.map((status) => {
        const orders = columns?.[status]
        const count = counts?.[status]
        return (
          <section key={status} className="column" data-status={status} aria-labelledby={`column-${status}`}>
            <h2 id={`column-${status}`} className="column-head">
              <span className="status" data-status={status}>
                {statusName(status)}
              </span>
              <span className="column-count">
                {count === undefined ? '–' : formatCount(count)}
                <span className="visually-hidden"> {count === 1 ? 'order' : 'orders'}</span>
              </span>
            </h2>
            <ul className="cards" tabIndex={0} aria-labelledby={`column-${status}`}>
              {orders?.map((order) => (
                <OrderCard key={order.id} order={order} moves={moves} moved={moved} />
              ))}
              {!orders && [1, 2, 3].map((n) => <li key={n} className="card skeleton card-skeleton" aria-hidden="true" />)}
              {orders?.length === 0 && <li className="column-empty muted">{EMPTY[status]}</li>}
              {orders && count !== undefined && count > orders.length && orders.length > 0 && (
                <li className="column-more muted">
                  The newest {orders.length} of {plural(count, 'order')}
                </li>
              )}
            </ul>
          </section>
        )
      })}
    </div>
  )
}
