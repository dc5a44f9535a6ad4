// Server-sent events, each operation over a connection of its own:
// https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
import { createClient } from 'graphql-sse'
import { bearer } from '../lib/api.mjs'
import { guard } from './opening.mjs'

/** @type {import('./opening.mjs').Transport} */
export function open(opening) {
  const { next, end, lost, silence } = guard(opening)
  const client = createClient({
    url: opening.url,
    headers: bearer(opening.token),
    retryAttempts: 0,
  })
  client.subscribe(
    { query: opening.query, variables: opening.variables },
    {
      next: (result) => next(result),
      error: (error) => {
        const { response } = /** @type {any} */ (error)
        if (Array.isArray(error)) end({ how: 'refused', errors: error })
        else lost(response ? { status: response.status, message: response.statusText } : error)
      },
      complete: () => end({ how: 'completed' }),
    },
  )
  return () => {
    silence()
    client.dispose()
  }
}
