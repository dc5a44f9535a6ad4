// The first result of an operation over each transport, without a client library that would refuse or change a request.
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { bearer } from '../lib/api.mjs'
import { soon } from '../lib/wait.mjs'
import { socketUrl } from '../transports/opening.mjs'
import { Socket } from './socket.mjs'

/**
 * @typedef {import('./documents.mjs').Request} Request
 *
 * Sends an operation and returns its first result; one without `data` when it is refused.
 *
 * @typedef {(url: string, token: string | undefined, request: Request) => Promise<{ data?: any, errors?: any[] }>} Ask
 */

/** @param {Request} request */
function body({ query, variables, operationName }) {
  return `{"query":${JSON.stringify(query)},"variables":${variables}${operationName === undefined ? '' : `,"operationName":${JSON.stringify(operationName)}`}}`
}

/**
 * @param {string} accept
 * @returns {Ask}
 */
function post(accept) {
  return async (url, token, request) => {
    const abort = new AbortController()
    const headers = { 'content-type': 'application/json', accept, ...bearer(token) }
    const response = await fetch(url, { method: 'POST', headers, body: body(request), signal: abort.signal })
    return soon('a result', firstResult(response)).finally(() => abort.abort())
  }
}

/** @type {Ask} */
async function get(url, token, { query, variables }) {
  const parameters = new URLSearchParams({ query, variables })
  const response = await fetch(`${url}?${parameters}`, {
    headers: { accept: 'application/graphql-response+json', ...bearer(token) },
  })
  return response.json()
}

/**
 * The first result in a response of any kind.
 *
 * @param {Response} response
 */
async function firstResult(response) {
  const type = response.headers.get('content-type') ?? ''
  if (/json/.test(type)) return response.json()
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of /** @type {AsyncIterable<Uint8Array>} */ (/** @type {unknown} */ (response.body))) {
    text += decoder.decode(chunk, { stream: true })
    const [, data] = /^data:(.*"(?:data|errors)".*)\r?\n/m.exec(text) ?? []
    const [, part] = /^(\{.*"payload".*\})\r?\n/m.exec(text) ?? []
    if (data) return JSON.parse(data)
    if (part) return JSON.parse(part).payload ?? JSON.parse(part)
    if (/^event: ?complete/m.test(text)) break
  }
  throw new Error(`${response.status} ${type} without a result: ${text}`)
}

/** @type {Ask} */
async function transportWs(url, token, request) {
  const socket = await Socket.open(url, token)
  try {
    const { type, payload } = (await socket.start(request).next()) ?? { type: 'complete' }
    if (type === 'complete') throw new Error('it ended without a result')
    return type === 'error' ? { errors: payload } : payload
  } finally {
    socket.close()
  }
}

/** The older protocol, `graphql-ws`. @type {Ask} */
async function legacyWs(url, token, request) {
  const socket = new WebSocket(socketUrl(url), 'graphql-ws')
  try {
    await once(socket, 'open')
    const result = new Promise((resolve, reject) => {
      socket.on('close', () => reject(new Error('the connection was closed')))
      socket.on('message', (data) => {
        const { type, payload } = JSON.parse(String(data))
        if (type === 'connection_ack') socket.send(`{"id":"1","type":"start","payload":${body(request)}}`)
        if (type === 'data') resolve(payload)
        if (type === 'error') resolve({ errors: [payload].flat() })
        if (type === 'complete') reject(new Error('it ended without a result'))
      })
    })
    socket.send(JSON.stringify({ type: 'connection_init', payload: bearer(token) }))
    return await soon('a result', result)
  } finally {
    socket.terminate()
  }
}

/** @type {Record<string, Ask>} */
export const QUERIES = {
  POST: post('application/graphql-response+json'),
  GET: get,
  'graphql-transport-ws': transportWs,
  'graphql-ws': legacyWs,
  SSE: post('text/event-stream'),
  multipart: post('multipart/mixed;subscriptionSpec=1.0, application/graphql-response+json'),
}

const { GET, ...others } = QUERIES
/** GET makes no changes. */
export const MUTATIONS = others
const { POST, ...streams } = others
/** A plain POST has one response. */
export const SUBSCRIPTIONS = streams
