// The WebSocket that subscriptions run over. It is opened with the first and closed with the last of them, carries the
// session's token, and is given each fresh one. It never reconnects by itself: graphql-ws would then subscribe again
// with the variables of the beginning, and what happened meanwhile would be missed. useResumableSubscription does it.
import { createClient, type Client } from 'graphql-ws'
import type { Session } from './session'

/** `idle`: there is no subscription. `lost`: the connection failed while there are subscriptions. */
export type ConnectionState = 'idle' | 'connecting' | 'live' | 'lost'

export interface LiveSocket {
  client: Client
  /** Has `tell` called with each cursor that a subscription with this object of variables is told without an update. */
  watchPosition: (variables: object, tell: (cursor: string) => void) => void
  /** Ends what `watchPosition` began. */
  unwatchPosition: (variables: object) => void
  state: () => ConnectionState
  subscribe: (listener: () => void) => () => void
}

/** How long silence is taken for granted, and then how long the answer to a ping may take. Both in ms. */
const PING_AFTER = 10_000
const PONG_WITHIN = 5_000

const NO_VALID_TOKEN = 4403

export function createLiveSocket(session: Session): LiveSocket {
  const listeners = new Set<() => void>()
  const watched = new Map<unknown, { id?: string; tell: (cursor: string) => void }>()
  let lastId = 0
  let state: ConnectionState = 'idle'
  let socket: WebSocket | undefined
  /** Whose socket it is, and the token it was given last. */
  let userId: string | undefined
  let token: string | undefined
  /** The token that the server closed a socket for. */
  let refused: string | undefined
  let pongTimer: ReturnType<typeof setTimeout> | undefined

  const enter = (next: ConnectionState) => {
    state = next
    for (const listener of listeners) listener()
  }

  const client = createClient({
    url: new URL(session.endpoint, location.href).href.replace(/^http/, 'ws'),
    retryAttempts: 0,
    // Time to subscribe to something else over the same connection.
    lazyCloseTimeout: 2_000,
    connectionAckWaitTimeout: 10_000,
    keepAlive: PING_AFTER,
    generateID: ({ variables }) => {
      const id = String(++lastId)
      const position = watched.get(variables)
      if (position) position.id = id
      return id
    },
    connectionParams: async () => {
      token = await (refused ? session.tokenInsteadOf(refused) : session.token())
      refused = undefined
      userId = userOf(session)
      return token ? { Authorization: `Bearer ${token}` } : {}
    },
    on: {
      connecting: () => enter('connecting'),
      connected: (opened) => {
        socket = opened as WebSocket
        enter('live')
        followSession()
      },
      ping: (received, payload) => {
        if (received) {
          // The server tells subscriptions without updates how far they are.
          const cursors = (payload?.['cursors'] ?? {}) as Record<string, string>
          for (const { id, tell } of watched.values()) {
            const cursor = id === undefined ? undefined : cursors[id]
            if (cursor !== undefined) tell(cursor)
          }
          return
        }
        // A connection can fail silently: a laptop that slept, a lift, a switch of networks.
        pongTimer = setTimeout(() => client.terminate(), PONG_WITHIN)
      },
      pong: () => clearTimeout(pongTimer),
      error: () => enter('lost'),
      closed: (event) => {
        clearTimeout(pongTimer)
        socket = undefined
        const { code } = event as { code?: number }
        if (code === NO_VALID_TOKEN) refused = token
        enter(code === 1000 ? 'idle' : 'lost')
      },
    },
  })

  // What runs on the socket goes on when its token is replaced in time. It belongs to one user for life.
  function followSession() {
    if (!socket) return
    if (userOf(session) !== userId) {
      client.terminate()
      return enter('idle')
    }
    const fresh = session.currentToken
    if (!fresh || fresh === token) return
    token = fresh
    socket.send(JSON.stringify({ type: 'ping', payload: { authorization: `Bearer ${fresh}` } }))
  }

  session.subscribe(followSession)

  return {
    client,
    watchPosition: (variables, tell) => watched.set(variables, { tell }),
    unwatchPosition: (variables) => watched.delete(variables),
    state: () => state,
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

function userOf({ state }: Session) {
  return state.status === 'signed-in' ? state.user.id : undefined
}
