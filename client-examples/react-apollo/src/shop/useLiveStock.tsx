// Live stock of the products in sight. Whatever shows a product says so; the products are watched together, over one
// subscription.
import { useApolloClient } from '@apollo/client/react'
import { createContext, use, useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { useResumableSubscription } from '../orderwire/useResumableSubscription'
import { writeIfNewer } from '../orderwire/newest'
import { ShopProduct, StockUpdates } from './operations'

/** The most that one subscription can watch. */
const MOST = 100
/** Scrolling on within this time does not subscribe anew. In ms. */
const SETTLED_AFTER = 250

type Watch = (productId: string) => () => void

const WatchContext = createContext<Watch>(() => () => {})

export function LiveStockProvider({ children }: { children: ReactNode }) {
  const { cache } = useApolloClient()
  const [productIds, setProductIds] = useState<readonly string[]>([])
  const watchers = useRef(new Map<string, number>())
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)

  const settle = useCallback(() => {
    clearTimeout(timer.current)
    timer.current = setTimeout(() => {
      const inSight = [...watchers.current.keys()].slice(-MOST).sort()
      // Those that went out of sight may stay until others come into it.
      setProductIds((watched) => (inSight.every((id) => watched.includes(id)) ? watched : inSight))
    }, SETTLED_AFTER)
  }, [])

  const watch = useCallback<Watch>(
    (productId) => {
      const count = (by: number) => {
        const left = (watchers.current.get(productId) ?? 0) + by
        if (left > 0) watchers.current.set(productId, left)
        else watchers.current.delete(productId)
        settle()
      }
      count(1)
      return () => count(-1)
    },
    [settle],
  )

  useResumableSubscription({
    document: StockUpdates,
    variables: useMemo(() => ({ productIds: [...productIds] }), [productIds]),
    enabled: productIds.length > 0,
    onData: ({ stockUpdates }) => writeIfNewer(cache, ShopProduct, stockUpdates),
  })

  return <WatchContext value={watch}>{children}</WatchContext>
}

/** Keeps a product's stock live in the cache for as long as the component is there. */
export function useLiveStock(productId: string) {
  const watch = use(WatchContext)
  useEffect(() => watch(productId), [watch, productId])
}

/** The same for as long as the element that gets this ref is in sight, or nearly. */
export function useLiveStockInSight(productId: string): (element: Element | null) => (() => void) | void {
  const watch = use(WatchContext)
  return useCallback(
    (element) => {
      if (!element) return
      let unwatch: (() => void) | undefined
      const observer = new IntersectionObserver(
        (entries) => {
          const inSight = entries.at(-1)?.isIntersecting
          if (inSight) unwatch ??= watch(productId)
          else {
            unwatch?.()
            unwatch = undefined
          }
        },
        { rootMargin: '200px' },
      )
      observer.observe(element)
      return () => {
        observer.disconnect()
        unwatch?.()
      }
    },
    [watch, productId],
  )
}
