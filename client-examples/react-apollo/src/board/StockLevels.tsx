import { useApolloClient, useQuery } from '@apollo/client/react'
import { useMemo, useState } from 'react'
import { writeIfNewer } from '../orderwire/newest'
import { useResumableSubscription } from '../orderwire/useResumableSubscription'
import { formatCount, productName } from '../shared/text'
import { TrendingProducts, WatchedProduct, WatchedStock } from './operations'

const PRODUCTS = 6
/** Milliseconds between queries of the trending products. */
const ASK_EVERY = 60_000
/** Below this a product is about to run out. */
const LOW = 50

/** Levels of each product that are drawn, the latest ones. */
const LEVELS = 40

/** The stock of the trending products, and its changes since the page was opened. */
export function StockLevels({ enabled }: { enabled: boolean }) {
  const { cache } = useApolloClient()
  const [levels, setLevels] = useState<ReadonlyMap<string, readonly number[]>>(new Map())
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
    onData: ({ stockUpdates }) => {
      const { id, stock } = stockUpdates
      writeIfNewer(cache, WatchedProduct, stockUpdates)
      setLevels((levels) => {
        const known = levels.get(id) ?? []
        return known.at(-1) === stock ? levels : new Map([...levels, [id, [...known, stock].slice(-LEVELS)]])
      })
    },
  })

  return (
    <figure className="panel chart stock-levels">
      <figcaption>
        <h2>Stock of what sells now</h2>
      </figcaption>
      <ul>
        {products?.map(({ id, name, stock }) => {
          const known = levels.get(id) ?? [stock]
          const change = stock - (known[0] ?? stock)
          return (
            <li key={id} data-low={stock < LOW}>
              <span className="stock-name" title={productName(name)}>
                {productName(name)}
              </span>
              <StepLine levels={known} />
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

/** One step for each change. A change of less than this many units does not fill the height. */
const LEAST_RANGE = 20

function StepLine({ levels }: { levels: readonly number[] }) {
  const most = Math.max(...levels)
  const range = Math.max(LEAST_RANGE, most - Math.min(...levels))
  const top = Math.max(most, range)
  const width = 100 / levels.length
  const steps = levels.map((level, index) => {
    const y = (2 + ((top - level) / range) * 16).toFixed(1)
    return `${index === 0 ? 'M0' : 'H' + (index * width).toFixed(1)} ${index === 0 ? y : 'V' + y}`
  })
  const line = `${steps.join('')}H100`
  return (
    <svg className="stock-line" viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true">
      <path className="stock-line-area" d={`${line}V20H0Z`} />
      <path className="stock-line-edge" d={line} />
    </svg>
  )
}
