/**
 * A subscription that survives every cut: it remembers the cursor of the last update and subscribes again `after` it,
 * so that nothing is missed and nothing is applied twice. Copy this one file; it needs React and Apollo Client only.
 *
 *     const { status } = useResumableSubscription({
 *       // subscription ($after: EventCursor) { orderUpdates(after: $after) { cursor … } }
 *       document: OrderUpdates,
 *       cursorOf: (data) => data.orderUpdates.cursor,
 *       start: async () => …,                           // read what the updates build on; give its `eventCursor`
 *       onData: (data) => …,                            // each update, once, in order
 *     })
 *
 * The transport must not reconnect by itself. graphql-ws does by default, and then subscribes with the variables of the
 * beginning: make its client with `retryAttempts: 0`.
 *
 * A link may call `onPosition` of the operation's context with newer cursors that the server tells in between (apollo.ts).
 * Without them a subscription that hears nothing for longer than the event log lasts has to start anew.
 *
 * Without `cursorOf` it fits subscriptions that begin with the present state, such as `stockUpdates`.
 */
import { useEffect, useEffectEvent, useState } from 'react'
import type { ApolloClient, OperationVariables, TypedDocumentNode } from '@apollo/client'
import { CombinedGraphQLErrors } from '@apollo/client/errors'
import { useApolloClient } from '@apollo/client/react'

export type ResumableStatus =
  /** Not enabled. */
  | { status: 'off' }
  /** Reading what the updates build on. */
  | { status: 'starting' }
  /** Subscribed. */
  | { status: 'open' }
  /** Cut; it tries again by itself. */
  | { status: 'waiting'; error: unknown }
  /** Refused for a reason that trying again does not mend, or ended by the server. */
  | { status: 'ended'; error?: unknown }

export interface ResumableOptions<TData, TVariables extends OperationVariables> {
  document: TypedDocumentNode<TData, TVariables>
  /** Without `after`. Other variables are another subscription, which starts anew. */
  variables?: Omit<TVariables, 'after'>
  /** Default: true. */
  enabled?: boolean
  /** The cursor that an update carries. */
  cursorOf?: (data: TData) => string
  /**
   * Reads afresh what the updates build on, and gives the `eventCursor` of the same query, or of the first if there are
   * several: the subscription goes on from there, and may begin with updates that were read already. Called in the
   * beginning (`'start'`), and when the server has no longer what came after the last cursor (`'expired'`): then updates
   * were missed, and only reading afresh tells what the state is.
   */
  start?: (reason: 'start' | 'expired') => Promise<string | undefined>
  /** Takes an update, which may be no newer than what `start` read. Its cursor counts as received when this returns. */
  onData: (data: TData) => void
}

export function useResumableSubscription<TData, TVariables extends OperationVariables>({
  document,
  variables,
  enabled = true,
  cursorOf,
  start,
  onData,
}: ResumableOptions<TData, TVariables>): ResumableStatus {
  const client = useApolloClient()
  const [status, setStatus] = useState<ResumableStatus>({ status: 'off' })
  const key = JSON.stringify(variables ?? {})
  // Always the callbacks of the last rendering, without subscribing anew when they change.
  const latestStart = useEffectEvent(async (reason: 'start' | 'expired') => start?.(reason))
  const latestCursorOf = useEffectEvent((data: TData) => cursorOf?.(data))
  const latestOnData = useEffectEvent(onData)

  useEffect(() => {
    if (!enabled) return setStatus({ status: 'off' })
    return follow<TData>({
      open: (after) => subscribe(client, document as TypedDocumentNode<TData>, { ...JSON.parse(key), ...(after !== undefined && { after }) }),
      start: (reason) => latestStart(reason),
      cursorOf: (data) => latestCursorOf(data),
      onData: (data) => latestOnData(data),
      onStatus: setStatus,
    })
  }, [client, document, key, enabled])

  return status
}

// Apollo Client tells of errors as results, so there is one callback for both. The cache is the caller's affair: an
// update may be older than what a query has brought meanwhile.
function subscribe<TData>(client: ApolloClient, query: TypedDocumentNode<TData>, variables: OperationVariables): Open<TData> {
  return (sink) => {
    const context = { onPosition: sink.position }
    const observable = client.subscribe({ query, variables, fetchPolicy: 'no-cache', context })
    const subscription = observable.subscribe({
      next: ({ data, error }) => (error ? sink.cut(error) : sink.data(data as TData)),
      error: sink.cut,
      complete: sink.complete,
    })
    return () => subscription.unsubscribe()
  }
}

/** Opens a subscription and gives the function that closes it. */
export type Open<TData> = (sink: {
  data: (data: TData) => void
  /** Takes a cursor that comes without an update, if the transport tells any: up to there nothing is missing. */
  position: (cursor: string) => void
  cut: (error: unknown) => void
  complete: () => void
}) => () => void

/** Trying again does not make these right. */
const FINAL = new Set(['BAD_USER_INPUT', 'NOT_FOUND', 'FORBIDDEN', 'QUERY_TOO_COMPLEX'])

/** The delays before trying again are random between 0 and this, which doubles up to the longest. In ms. */
const FIRST_DELAY = 300
const LONGEST_DELAY = 15_000
/** A subscription that held this long was not refused: the delays begin anew. In ms. */
const HELD = 10_000

/** What the hook does, without React. Gives the function that stops it. */
export function follow<TData>({
  open,
  start,
  cursorOf,
  onData,
  onStatus,
  random = Math.random,
}: {
  open: (after: string | undefined) => Open<TData>
  start: (reason: 'start' | 'expired') => Promise<string | undefined>
  cursorOf: (data: TData) => string | undefined
  onData: (data: TData) => void
  onStatus: (status: ResumableStatus) => void
  random?: () => number
}): () => void {
  let cursor: string | undefined
  let reason: 'start' | 'expired' | undefined = 'start'
  let failures = 0
  let close = () => {}
  let timer: ReturnType<typeof setTimeout> | undefined
  let stopped = false

  async function connect() {
    timer = undefined
    if (reason) {
      onStatus({ status: 'starting' })
      try {
        cursor = await start(reason)
        if (stopped) return
        reason = undefined
      } catch (error) {
        if (!stopped) interrupted(error)
        return
      }
    }
    listen()
  }

  function listen() {
    const since = performance.now()
    let over = false
    // Only once: each subscription of a socket reports the loss, sometimes as an error and as an end.
    const once = (then: (error?: unknown) => void) => (error?: unknown) => {
      if (over || stopped) return
      over = true
      if (performance.now() - since > HELD) failures = 0
      queueMicrotask(() => close())
      then(error)
    }
    onStatus({ status: 'open' })
    close = open(cursor)({
      data: (data) => {
        if (over || stopped) return
        failures = 0
        try {
          onData(data)
        } catch (error) {
          // The caller's mistake must not bring the same update again and again.
          reportError(error)
        }
        cursor = cursorOf(data) ?? cursor
      },
      position: (told) => {
        if (!over && !stopped) cursor = told
      },
      cut: once(interrupted),
      complete: once(() => onStatus({ status: 'ended' })),
    })
  }

  function interrupted(error: unknown) {
    const code = CombinedGraphQLErrors.is(error) ? error.errors[0]?.extensions?.['code'] : undefined
    if (FINAL.has(String(code))) return onStatus({ status: 'ended', error })
    if (code === 'CURSOR_EXPIRED') reason = 'expired'
    // With jitter, so that not all clients of a server that restarts come back at once.
    const delay = random() * Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** failures)
    failures += 1
    onStatus({ status: 'waiting', error })
    timer = setTimeout(connect, delay)
  }

  // Reconnects at once when the page is visible again or the network is back.
  function hurry() {
    if (timer === undefined || document.visibilityState === 'hidden') return
    clearTimeout(timer)
    void connect()
  }

  addEventListener('online', hurry)
  document.addEventListener('visibilitychange', hurry)
  void connect()
  return () => {
    stopped = true
    clearTimeout(timer)
    removeEventListener('online', hurry)
    document.removeEventListener('visibilitychange', hurry)
    close()
  }
}
