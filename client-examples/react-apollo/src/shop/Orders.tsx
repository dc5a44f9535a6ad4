import { NetworkStatus } from '@apollo/client'
import { useQuery } from '@apollo/client/react'
import type { MyOrderFragment, OrderStatus } from '../gql/graphql'
import { formatMoney } from '../orderwire/money'
import { messageOf } from '../orderwire/errors'
import { statusName } from '../shared/orders'
import { formatTime, plural, productName } from '../shared/text'
import { ORDERS_PAGE } from './myOrders'
import { MyOrders } from './operations'

/** Lines of an order that are shown before "and … more". */
const SHOWN_LINES = 3

/** The customer's orders, which change as they look at them: {@link useMyOrderUpdates} keeps the cache live. */
export function Orders() {
  const { data, error, networkStatus, fetchMore, refetch } = useQuery(MyOrders, {
    variables: { first: ORDERS_PAGE },
    notifyOnNetworkStatusChange: true,
  })
  const { hasNextPage = false, endCursor } = data?.orders.pageInfo ?? {}
  const loadingMore = networkStatus === NetworkStatus.fetchMore
  return (
    <section className="orders" aria-labelledby="orders-title" aria-busy={!data && !error}>
      <div className="section-head">
        <h1 id="orders-title">My orders</h1>
        <p className="muted">{data ? plural(data.orders.totalCount, 'order') : ''}</p>
      </div>
      {error && !data && (
        <div className="empty" role="alert">
          <h2>That did not work</h2>
          <p>{messageOf(error)}</p>
          <button type="button" className="button" onClick={() => void refetch().catch(() => {})}>
            Try again
          </button>
        </div>
      )}
      {data?.orders.edges.length === 0 && (
        <div className="empty">
          <h2>No orders yet</h2>
          <p>Once you place one, you can watch it here on its way to you.</p>
          <a className="button button-primary" href="#/">
            Find something
          </a>
        </div>
      )}
      <ul className="order-list">
        {data?.orders.edges.map(({ node }) => <OrderCard key={node.id} order={node} />)}
        {!data &&
          !error &&
          [1, 2, 3].map((n) => <li key={n} className="order panel skeleton order-skeleton" aria-hidden="true" />)}
      </ul>
      {hasNextPage && (
        <button
          type="button"
          className="button load-more"
          aria-disabled={loadingMore}
          onClick={() => void fetchMore({ variables: { after: endCursor } }).catch(() => {})}
        >
          {loadingMore ? 'Loading…' : 'Show older orders'}
        </button>
      )}
    </section>
  )
}

function OrderCard({ order }: { order: MyOrderFragment }) {
  const { number, status, items, history, total } = order
  const lines = items.slice(0, SHOWN_LINES)
  return (
    <li className="order panel" data-order={number}>
      <div className="order-head">
        <h2>
          <span className="order-word">Order </span>
          {number}
        </h2>
        <span className="status" data-status={status}>
          {statusName(status)}
        </span>
        <p className="muted">
          {formatTime(order.placedAt)} · <span className="price">{formatMoney(total)}</span>
        </p>
      </div>
      <Progress status={status} />
      <div className="order-details">
        <ul className="order-lines">
          {lines.map((item, index) => (
            <li key={index}>
              <span className="order-line-quantity">{item.quantity} ×</span> {productName(item.name)}
            </li>
          ))}
          {items.length > SHOWN_LINES && <li className="muted">and {plural(items.length - SHOWN_LINES, 'more line')}</li>}
        </ul>
        <ol className="timeline" aria-label={`What happened to order ${number}`}>
          {history.map(({ cursor, to, occurredAt, reason }) => (
            <li key={cursor}>
              <span>{to === 'PENDING' ? 'Placed' : statusName(to)}</span>{' '}
              <time className="muted" dateTime={occurredAt}>
                {formatTime(occurredAt)}
              </time>
              {reason && <span className="muted timeline-reason">{reason}</span>}
            </li>
          ))}
        </ol>
      </div>
    </li>
  )
}

const STEPS: readonly OrderStatus[] = ['PENDING', 'CONFIRMED', 'SHIPPED', 'DELIVERED']

/** How far it is on its way. Read out as the status and its history, so silent itself. */
function Progress({ status }: { status: OrderStatus }) {
  const reached = STEPS.indexOf(status)
  if (reached < 0) return null
  return (
    <div className="progress" aria-hidden="true">
      {STEPS.map((step, index) => (
        <span key={step} data-reached={index <= reached} />
      ))}
    </div>
  )
}
