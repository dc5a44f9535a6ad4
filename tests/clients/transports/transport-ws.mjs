// The protocol `graphql-transport-ws`: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { bearer } from '../lib/api.mjs'
import { guard, socketUrl } from './opening.mjs'

/** @type {import('./opening.mjs').Transport} */
export function open(opening) {
  const { next, told, end, lost, silence } = guard(opening)
  const client = createClient({
    url: socketUrl(opening.url),
    webSocketImpl: WebSocket,
    connectionParams: bearer(opening.token),
    connectionAckWaitTimeout: 10_000,
    retryAttempts: 0,
    on: {
      // There is one operation.
      ping: (received, payload) => {
        if (received) Object.values(/** @type {any} */ (payload?.cursors ?? {})).forEach(told)
      },
    },
  })
  client.subscribe(
    { query: opening.query, variables: opening.variables },
    {
      next,
      error: (error) => (Array.isArray(error) ? end({ how: 'refused', errors: error }) : lost(error)),
      complete: () => end({ how: 'completed' }),
    },
  )
  return () => {
    silence()
    // It tells when there was no connection to close.
    Promise.resolve(client.dispose()).catch(() => {})
  }
}
