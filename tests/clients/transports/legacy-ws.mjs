// The older protocol `graphql-ws`: https://github.com/apollographql/subscriptions-transport-ws/blob/master/PROTOCOL.md
import { SubscriptionClient } from 'subscriptions-transport-ws'
import { WebSocket } from 'ws'
import { bearer } from '../lib/api.mjs'
import { guard, socketUrl } from './opening.mjs'

/** @type {import('./opening.mjs').Transport} */
export function open(opening) {
  const { next, told, end, lost, silence } = guard(opening)
  const client = new SubscriptionClient(
    socketUrl(opening.url),
    {
      reconnect: false,
      minTimeout: 10_000,
      connectionParams: bearer(opening.token),
      connectionCallback: (error) => {
        if (error) lost(error)
      },
    },
    WebSocket,
  )
  // The client does not tell the close code, and goes on looking for signs of life.
  client.client.addEventListener('close', (/** @type {CloseEvent} */ event) => {
    clearInterval(/** @type {any} */ (client).checkConnectionIntervalId)
    lost(event)
  })
  // It takes `ka` for a sign of life only.
  client.client.addEventListener('message', (/** @type {MessageEvent} */ { data }) => {
    const { type, payload } = JSON.parse(data)
    if (type === 'ka') Object.values(payload?.cursors ?? {}).forEach(told)
  })
  // When it gives up connecting it removes its listeners, and an error without a listener ends the process.
  client.client.addEventListener('error', () => {})
  client.request({ query: opening.query, variables: opening.variables }).subscribe({
    next: /** @param {any} result */ (result) => next(result),
    error: (error) => end({ how: 'refused', errors: [/** @type {any} */ (error)] }),
    complete: () => end({ how: 'completed' }),
  })
  return () => {
    silence()
    client.close()
  }
}
