// Server-sent events, each operation over a connection of its own:
// https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
import { createClient } from 'graphql-sse'
import { bearer } from '../lib/api.mjs'
import { guard } from './opening.mjs'

/**
 * Passes an event stream on, and tells of each `id` in it.
 *
 * @param {(id: string) => void} told
 */
function withIds(told) {
  const decoder = new TextDecoder()
  let line = ''
  return new TransformStream({
    transform(/** @type {Uint8Array} */ chunk, controller) {
      const lines = (line + decoder.decode(chunk, { stream: true })).split('\n')
      line = lines.pop() ?? ''
      for (const text of lines) if (text.startsWith('id: ')) told(text.slice(4))
      controller.enqueue(chunk)
    },
  })
}

/** @type {import('./opening.mjs').Transport} */
export function open(opening) {
  const { next, told, end, lost, silence } = guard(opening)
  const client = createClient({
    url: opening.url,
    headers: bearer(opening.token),
    retryAttempts: 0,
    // The client has no callback for ids.
    fetchFn: async (/** @type {string} */ url, /** @type {RequestInit} */ init) => {
      const response = await fetch(url, init)
      return new Response(response.body?.pipeThrough(withIds(told)) ?? null, response)
    },
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
