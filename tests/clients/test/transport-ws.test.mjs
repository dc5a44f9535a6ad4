import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { bearer, mutate } from '../lib/api.mjs'
import { Proxy } from '../lib/proxy.mjs'
import { TestServer } from '../lib/server.mjs'
import { soon, until } from '../lib/wait.mjs'
import { open } from '../transports/transport-ws.mjs'
import { behaviour } from './behaviour.mjs'
import { ORDER_UPDATES, Recorder } from './recorder.mjs'

behaviour('graphql-transport-ws', open)

/** @type {TestServer} */
let server
before(async () => {
  server = await TestServer.start({ ORDERWIRE_AUTH_ACCESS_TOKEN_LIFETIME: '4s' })
})
after(() => server?.stop())

/**
 * @param {string} token
 */
function watch(token) {
  return new Recorder(open, { url: server.url, token })
}

test('graphql-transport-ws: closes with 4403 when the token expires', async () => {
  const { token } = await server.customer()
  const end = await soon('the end of the token', watch(token).end, 15_000)
  assert.deepEqual([end.how, end.code], ['lost', 4403])
})

test('graphql-transport-ws: closes with 4403 when the session ends', async () => {
  const { token } = await server.customer()
  const order = await server.order(token)
  const recorder = new Recorder(open, { url: server.url, token, variables: { orderId: order.id } })
  await recorder.until(1)
  const ended = performance.now()
  await server.signOutEverywhere(token)
  const end = await soon('the end of the session', recorder.end, 10_000)
  assert.deepEqual([end.how, end.code], ['lost', 4403])
  assert.ok(performance.now() - ended < 3_000, 'before the token would have expired')
})

test('graphql-transport-ws: a fresh token keeps the socket alive', async () => {
  const person = await server.customer()
  const credentials = { email: person.email, password: person.password }
  const selection = 'session { accessToken refreshToken expiresAt }'
  const { session } = await mutate(server.url, 'login', 'LoginInput', credentials, selection)
  /** @type {WebSocket | undefined} */
  let socket
  /** @type {number | undefined} */
  let closed
  const client = createClient({
    url: server.url.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: bearer(session.accessToken),
    retryAttempts: 0,
    on: {
      opened: (opened) => (socket = /** @type {WebSocket} */ (opened)),
      closed: (event) => (closed = /** @type {CloseEvent} */ (event).code),
    },
  })
  try {
    const updates = client.iterate({ query: ORDER_UPDATES })
    const first = updates.next()
    first.catch(() => {}) // is looked at below
    await until('the socket', () => socket?.readyState === WebSocket.OPEN)
    const expires = Date.parse(session.expiresAt)
    await until('half of its life is over', () => Date.now() > expires - 2_000)
    const input = { refreshToken: session.refreshToken }
    const fresh = (await mutate(server.url, 'refreshSession', 'RefreshSessionInput', input, selection)).session
    socket?.send(JSON.stringify({ type: 'ping', payload: bearer(fresh.accessToken) }))
    await until('the first token has expired', () => Date.now() > expires + 500)
    assert.equal(closed, undefined)
    const { number } = await server.order(fresh.accessToken)
    const { value } = await soon('an update', first)
    assert.equal(value.data.orderUpdates.order.number, number)
    await until('the fresh token has expired', () => closed !== undefined, 15_000)
    assert.equal(closed, 4403)
  } finally {
    await client.dispose()
  }
})

test('graphql-transport-ws: operations on one socket end one by one', async () => {
  const { token } = await server.customer()
  const orders = [await server.order(token), await server.order(token)]
  const proxy = new Proxy(server.port)
  const url = `ws://127.0.0.1:${await proxy.listen()}/graphql`
  const client = createClient({ url, webSocketImpl: WebSocket, connectionParams: bearer(token), retryAttempts: 0 })
  try {
    const [one, other] = orders.map(({ id }) => client.iterate({ query: ORDER_UPDATES, variables: { orderId: id } }))
    assert.equal((await one?.next())?.value.data.orderUpdates.kind, 'SNAPSHOT')
    assert.equal((await other?.next())?.value.data.orderUpdates.kind, 'SNAPSHOT')
    await one?.return?.()
    await server.order(token)
    await mutate(server.url, 'cancelOrder', 'CancelOrderInput', { orderId: orders[1]?.id }, '', { token })
    assert.equal((await other?.next())?.value.data.orderUpdates.order.status, 'CANCELLED')
    assert.equal(proxy.taken, 1)
  } finally {
    await client.dispose()
    proxy.close()
  }
})

test('graphql-transport-ws: closes with 1001 when the server stops', async () => {
  const { token } = await server.customer()
  const order = await server.order(token)
  const recorder = new Recorder(open, { url: server.url, token, variables: { orderId: order.id } })
  await recorder.until(1)
  await server.program?.stop(20_000)
  assert.equal((await soon('the end', recorder.end)).code, 1001)
})
