import { NetworkStatus } from '@apollo/client'
import { useQuery } from '@apollo/client/react'
import { useEffect, useEffectEvent, useRef } from 'react'
import { messageOf } from '../orderwire/errors'
import { plural } from '../shared/text'
import { useCart } from './cart'
import { Products } from './operations'
import { ProductCard, ProductSkeleton } from './ProductCard'

const PAGE = 24

/** The products that fit the search, more of them as one scrolls. */
export function Catalogue({ search }: { search: string }) {
  const { lines } = useCart()
  const { data, previousData, error, networkStatus, fetchMore, refetch } = useQuery(Products, {
    variables: { filter: { status: 'ACTIVE', ...(search && { search }) }, first: PAGE },
    notifyOnNetworkStatusChange: true,
  })
  // What was found before stays until the new results are there, instead of flickering.
  const products = (data ?? previousData)?.products
  const searching = !data && networkStatus !== NetworkStatus.error
  const { hasNextPage = false, endCursor } = data?.products.pageInfo ?? {}
  const loadingMore = networkStatus === NetworkStatus.fetchMore

  const inCart = new Map(lines.map(({ productId, quantity }) => [productId, quantity]))
  return (
    <section aria-labelledby="catalogue-title" aria-busy={searching || loadingMore}>
      <div className="section-head">
        <h1 id="catalogue-title">{search ? `Results for “${search}”` : 'All products'}</h1>
        <p className="muted" role="status">
          {data ? plural(data.products.totalCount, 'product') : searching ? 'Searching…' : ''}
        </p>
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

      {data && data.products.edges.length === 0 && (
        <div className="empty">
          <h2>Nothing found</h2>
          <p>No product has all of these words in its name. Fewer or shorter words find more.</p>
          <a className="button" href="#/">
            Show all products
          </a>
        </div>
      )}

      <ul className="products" data-stale={searching && products !== undefined}>
        {/* A product that is archived while it is shown is told of once more, with its new status. */}
        {products?.edges
          .filter(({ node }) => node.status === 'ACTIVE')
          .map(({ node }) => (
            <ProductCard key={node.id} product={node} inCart={inCart.get(node.id) ?? 0} />
          ))}
        {(!products && !error) || loadingMore ? Array.from({ length: 12 }, (_, n) => <ProductSkeleton key={n} />) : null}
      </ul>

      {hasNextPage && !loadingMore && (
        <LoadMore onReached={() => void fetchMore({ variables: { after: endCursor } }).catch(() => {})} />
      )}
    </section>
  )
}

/** Reached by scrolling, or by the keyboard. */
function LoadMore({ onReached }: { onReached: () => void }) {
  const button = useRef<HTMLButtonElement>(null)
  const reached = useEffectEvent(onReached)
  useEffect(() => {
    if (!button.current) return
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && reached(), { rootMargin: '800px' })
    observer.observe(button.current)
    return () => observer.disconnect()
  }, [])
  return (
    <button ref={button} type="button" className="button load-more" onClick={onReached}>
      Show more
    </button>
  )
}
