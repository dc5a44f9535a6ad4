// The data of the board: the newest orders of each status, the latest events, and when orders were placed.
import { useFragment, useApolloClient, useQuery } from '@apollo/client/react'
import type { ApolloCache } from '@apollo/client'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type { BoardOrderFragment, OrderStatus, UpdateKind } from '../gql/graphql'
import { cacheId, writeIfNewer } from '../orderwire/newest'
import { useResumableSubscription, type ResumableStatus } from '../orderwire/useResumableSubscription'
import { STATUSES } from '../shared/orders'
import { BoardCounts, BoardOrder, BoardOrders, BoardUpdates, RecentOrders } from './operations'

/** Orders in a column, last changed first. */
export const COLUMN_SIZE = 20
/** Events in the list, newest first. */
const ACTIVITY_SIZE = 40
/** Above this number, orders that have no place in their column are dropped. */
const MOST_KNOWN = STATUSES.length * COLUMN_SIZE * 2
/** Minutes for which the times of orders are known, and the most pages of 100 that are read for them. */
export const MINUTES = 20
const RECENT_PAGES = 5
/** The counts are read at most this often, in ms. */
const COUNT_EVERY = 1_000

export interface Activity {
  cursor: string
  kind: UpdateKind
  number: string
  customer: string
  from: OrderStatus | null | undefined
  to: OrderStatus
  at: string
}

export interface Board {
  /** Undefined until it is known. */
  columns: Record<OrderStatus, readonly BoardOrderFragment[]> | undefined
  counts: Record<OrderStatus, number> | undefined
  activity: readonly Activity[]
  /** When orders of the last {@link MINUTES} were placed, in ms since 1970. */
  placed: ReadonlyMap<string, number>
  status: ResumableStatus
}

export function useBoard(enabled: boolean): Board {
  const client = useApolloClient()
  const { cache } = client
  const [ids, setIds] = useState<readonly string[]>()
  const known = useRef<readonly string[]>([])
  const [activity, setActivity] = useState<readonly Activity[]>([])
  const [placed, setPlaced] = useState<ReadonlyMap<string, number>>(new Map())
  const { data: counts, refetch } = useQuery(BoardCounts, { skip: !enabled, fetchPolicy: 'network-only' })
  const count = useThrottled(() => void refetch().catch(() => {}), COUNT_EVERY)

  const show = (ids: readonly string[]) => {
    known.current = ids
    setIds(ids)
  }

  const readPlaced = async () => {
    const placedAfter = new Date(Date.now() - MINUTES * 60_000).toISOString()
    const found = new Map<string, number>()
    let after: string | null | undefined
    for (let page = 0; page < RECENT_PAGES; page++) {
      const variables = { placedAfter, ...(after && { after }) }
      const { data } = await client.query({ query: RecentOrders, variables, fetchPolicy: 'no-cache' })
      for (const { id, placedAt } of data?.orders.nodes ?? []) found.set(id, Date.parse(placedAt))
      if (!data?.orders.pageInfo.hasNextPage) break
      after = data.orders.pageInfo.endCursor
    }
    return found
  }

  const status = useResumableSubscription({
    document: BoardUpdates,
    enabled,
    cursorOf: ({ orderUpdates }) => orderUpdates.cursor,
    start: async () => {
      const variables = { first: COLUMN_SIZE }
      const { data } = await client.query({ query: BoardOrders, variables, fetchPolicy: 'no-cache' })
      const orders = STATUSES.flatMap((status) => data?.[status].nodes ?? [])
      cache.batch({
        update: (cache) => {
          for (const order of orders) writeIfNewer(cache, BoardOrder, order)
        },
      })
      // One that moves while the columns are read can be in two of them.
      show([...new Set(orders.map(({ id }) => id))])
      setPlaced(await readPlaced())
      count()
      return data?.eventCursor
    },
    onData: ({ orderUpdates: { cursor, kind, order, previousStatus, occurredAt } }) => {
      writeIfNewer(cache, BoardOrder, order)
      if (!known.current.includes(order.id)) show(letOldOnesGo(cache, [...known.current, order.id]))
      const entry = { cursor, kind, number: order.number, customer: order.customer.name, to: order.status }
      setActivity((entries) => [{ ...entry, from: previousStatus, at: occurredAt }, ...entries].slice(0, ACTIVITY_SIZE))
      if (kind === 'CREATED') setPlaced((placed) => addPlaced(placed, order.id, Date.parse(order.placedAt)))
      count()
    },
  })

  // From the cache, where what was clicked stands at once and is taken back when it is refused.
  const { data } = useFragment({
    fragment: BoardOrder,
    from: useMemo(() => (ids ?? []).map((id) => ({ __typename: 'Order' as const, id })), [ids]),
  })
  const columns = useMemo(() => (ids ? inColumns((data as readonly unknown[]).filter(isWhole)) : undefined), [ids, data])
  return {
    columns,
    counts: counts && (Object.fromEntries(STATUSES.map((status) => [status, counts[status].totalCount])) as Board['counts']),
    activity,
    placed,
    status,
  }
}

/** One that was let go is empty until the list is drawn again. */
function isWhole(order: unknown): order is BoardOrderFragment {
  return (order as Partial<BoardOrderFragment> | null)?.version !== undefined
}

type Columns = Record<OrderStatus, BoardOrderFragment[]>

function inColumns(orders: readonly BoardOrderFragment[]): Columns {
  const columns: Columns = { PENDING: [], CONFIRMED: [], SHIPPED: [], DELIVERED: [], CANCELLED: [], RETURNED: [] }
  for (const order of orders.toSorted(lastChangedFirst)) {
    if (columns[order.status].length < COLUMN_SIZE) columns[order.status].push(order)
  }
  return columns
}

function lastChangedFirst(a: BoardOrderFragment, b: BoardOrderFragment): number {
  if (a.updatedAt !== b.updatedAt) return a.updatedAt < b.updatedAt ? 1 : -1
  return a.id < b.id ? 1 : -1
}

function letOldOnesGo(cache: ApolloCache, ids: readonly string[]): readonly string[] {
  if (ids.length <= MOST_KNOWN) return ids
  const orders = ids.map((id) => cache.readFragment({ fragment: BoardOrder, id: cacheId(BoardOrder, id) }))
  const columns = inColumns(orders.filter((order) => order !== null))
  const kept = new Set(STATUSES.flatMap((status) => columns[status].map(({ id }) => id)))
  for (const id of ids) if (!kept.has(id)) cache.evict({ id: cacheId(BoardOrder, id) })
  cache.gc()
  return [...kept]
}

function addPlaced(placed: ReadonlyMap<string, number>, id: string, at: number): ReadonlyMap<string, number> {
  const since = Date.now() - MINUTES * 60_000
  return new Map([...placed, [id, at] as const].filter(([, at]) => at >= since))
}

/** Calls at once, then at most every so often, in ms; what was asked for in between is done once. */
function useThrottled(call: () => void, every: number): () => void {
  const latest = useRef(call)
  useEffect(() => {
    latest.current = call
  })
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const asked = useRef(false)
  useEffect(() => () => clearTimeout(timer.current), [])
  return useCallback(() => {
    if (timer.current !== undefined) {
      asked.current = true
      return
    }
    latest.current()
    const rest = () => {
      timer.current = undefined
      if (!asked.current) return
      asked.current = false
      latest.current()
      timer.current = setTimeout(rest, every)
    }
    timer.current = setTimeout(rest, every)
  }, [every])
}
