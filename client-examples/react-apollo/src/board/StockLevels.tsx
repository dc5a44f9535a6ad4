import { useApolloClient, useQuery } from '@apollo/client/react'
import { useMemo, useRef } from 'react'
import { writeIfNewer } from '../orderwire/newest'
import { useResumableSubscription } from '../orderwire/useResumableSubscription'
import { formatCount, productName } from '../shared/text'
import { TrendingProducts, WatchedProduct, WatchedStock } from './operations'

const PRODUCTS = 6
/** How often it is asked what sells best, in ms. */
const ASK_EVERY = 60_000
/** Below this a product is about to run out. */
const LOW = 50

/** The stock of what sells best now. */
export function StockLevels({ enabled }: { enabled: boolean }) {
  const { cache } = useApolloClient()
  const { data } = useQuery(TrendingProducts, {
    variables: { first: PRODUCTS },
    skip: !enabled,
    pollInterval: ASK_EVERY,
    fetchPolicy: 'cache-and-network',
  })
  const products = data?.trendingProducts
  const ids = products?.map(({ id }) => id).join(' ') ?? ''
  useResumableSubscription({
    document: WatchedStock,
    variables: useMemo(() => ({ productIds: ids.split(' ') }), [ids]),
    enabled: enabled && ids !== '',
    onData: ({ stockUpdates }) => writeIfNewer(cache, WatchedProduct, stockUpdates),
  })

  // How much there was of each when it was first shown.
  const before = useRef(new Map<string, number>())
  for (const { id, stock } of products ?? []) if (!before.current.has(id)) before.current.set(id, stock)
  const most = Math.max(1, ...(products ?? []).map(({ stock }) => stock))
  return (
    <figure className="panel chart stock-levels">
      <figcaption>
        <h2>Stock of what sells now</h2>
      </figcaption>
      <ul>
        {products?.map(({ id, name, stock }) => {
          const change = stock - (before.current.get(id) ?? stock)
          return (
            <li key={id} data-low={stock < LOW}>
              <span className="stock-name" title={productName(name)}>
                {productName(name)}
              </span>
              <svg className="stock-bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                <rect width="100" height="8" className="stock-bar-track" />
                <rect width={(stock / most) * 100} height="8" className="stock-bar-level" />
              </svg>
              <span className="stock-number">
                <span key={stock} className="stock-value">
                  {formatCount(stock)}
                </span>
                <span className="stock-change muted">
                  {change !== 0 && (
                    <>
                      <span className="visually-hidden">, changed by </span>
                      {change > 0 ? '+' : '−'}
                      {formatCount(Math.abs(change))}
                    </>
                  )}
                </span>
              </span>
            </li>
          )
        })}
        {!products &&
          Array.from({ length: PRODUCTS }, (_, n) => (
            <li key={n} aria-hidden="true">
              <span className="skeleton skeleton-text" />
            </li>
          ))}
        {products?.length === 0 && <li className="muted">Nothing has been sold yet.</li>}
      </ul>
    </figure>
  )
}
