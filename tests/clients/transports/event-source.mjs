// Server-sent events as a browser's EventSource takes them: it can't send headers, so a ticket in the URL says who it
// is, and after a break it connects again by itself and names the last event it got.
import { EventSource } from 'eventsource'
import { Refusal, mutate } from '../lib/api.mjs'
import { guard } from './opening.mjs'

/**
 * A ticket for one subscription.
 *
 * @param {string} url
 * @param {string} token
 * @param {{ query: string, variables?: object }} operation
 * @returns {Promise<string>}
 */
export async function makeTicket(url, token, { query, variables = {} }) {
  const input = { query, variables: JSON.stringify(variables) }
  const selection = 'ticket { value }'
  return (await mutate(url, 'createStreamTicket', 'CreateStreamTicketInput', input, selection, { token })).ticket.value
}

/**
 * The URL of a subscription.
 *
 * @param {string} url
 * @param {{ query: string, variables?: object, ticket?: string }} parameters
 */
export function address(url, { query, variables = {}, ticket }) {
  const parameters = new URLSearchParams({ query, variables: JSON.stringify(variables) })
  if (ticket) parameters.set('ticket', ticket)
  return `${url}?${parameters}`
}

/** @type {import('./opening.mjs').Transport} */
export function open(opening) {
  const { next, told, end, lost, silence } = guard(opening)
  let stopped = false
  /** @type {EventSource | undefined} */
  let source
  const start = async () => {
    const { url, token, query, variables } = opening
    const ticket = token ? await makeTicket(url, token, { query, variables }) : undefined
    if (stopped) return
    const events = new EventSource(address(url, { query, variables, ticket }))
    source = events
    events.addEventListener('next', (event) => next(JSON.parse(event.data), event.lastEventId))
    // Events without a type and without data only set the id.
    events.addEventListener('message', (event) => told(event.lastEventId))
    events.addEventListener('complete', () => {
      events.close()
      end({ how: 'completed' })
    })
    events.addEventListener('error', (error) => {
      if (events.readyState === EventSource.CLOSED) lost(error)
    })
  }
  start().catch((error) => {
    if (!(error instanceof Refusal)) lost(error)
    else end({ how: 'refused', errors: [{ message: error.message, extensions: { code: error.code } }] })
  })
  return () => {
    stopped = true
    silence()
    source?.close()
  }
}
