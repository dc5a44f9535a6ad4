import type { GraphiQLProps } from 'graphiql'
import { getOperationAST, parse } from 'graphql'
import { createClient, type Client } from 'graphql-ws'

type Fetcher = GraphiQLProps['fetcher']
type Params = Parameters<Fetcher>[0]
type Headers = Record<string, unknown>

const endpoint = '/graphql'

export const fetcher: Fetcher = (params, options) => {
  const headers: Headers = options?.headers ?? {}
  const operation = operationOf(params)
  const request = { ...params, operationName: operation?.name?.value ?? params.operationName }
  return operation?.operation === 'subscription'
    ? subscribe(request, authorizationOf(headers))
    : post(request, headers)
}

// GraphiQL's own idea of the operation is 100 ms behind its editor: right after a change of tab it
// still names the operation of the tab before. A document with one operation leaves no doubt.
function operationOf({ query, operationName }: Params) {
  try {
    const document = parse(query)
    return getOperationAST(document) ?? getOperationAST(document, operationName)
  } catch {
    return null // The server explains a syntax error better.
  }
}

async function post(params: Params, headers: Headers) {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json;q=0.9',
      ...(headers as Record<string, string>),
    },
    body: JSON.stringify(params),
  })
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch {
    return { errors: [{ message: `HTTP ${response.status}, not JSON: ${text.slice(0, 500)}` }] }
  }
}

let client: Client | undefined
let clientAuthorization: string | undefined

// A browser cannot set headers on a WebSocket, so the token travels in connection_init; a socket
// opened with another token must not be reused.
function clientFor(authorization: string | undefined) {
  if (client && clientAuthorization === authorization) return client
  void client?.dispose()
  clientAuthorization = authorization
  client = createClient({
    url: new URL(endpoint, location.href).href.replace(/^http/, 'ws'),
    lazy: true,
    // Subscribing again by itself would hide both an expired token and what was missed meanwhile.
    retryAttempts: 0,
    connectionParams: () => (authorization ? { Authorization: authorization } : undefined),
  })
  return client
}

// An observable rather than an async generator: stopping must take effect at once, and a
// generator's return() waits for the next message.
function subscribe(params: Params, authorization: string | undefined) {
  const observable = {
    subscribe(sink: Sink) {
      const unsubscribe = clientFor(authorization).subscribe(params, {
        next: sink.next,
        error: (reason) => sink.error(explain(reason)),
        complete: sink.complete,
      })
      return { unsubscribe }
    },
  }
  // GraphiQL only ever passes an observer; its type also lists the older three-callback forms.
  return observable as ReturnType<Fetcher>
}

interface Sink {
  next(value: unknown): void
  error(error: unknown): void
  complete(): void
}

// Plain objects, because GraphiQL prints the stack of an Error.
function explain(reason: unknown) {
  if (reason instanceof CloseEvent) {
    return { message: `Connection closed: ${reason.code} ${reason.reason}`.trim() }
  }
  if (reason instanceof Event) return { message: 'The connection could not be opened.' }
  return reason
}

function authorizationOf(headers: Headers) {
  const name = Object.keys(headers).find((key) => key.toLowerCase() === 'authorization')
  const value = name && headers[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}
