import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { bearer, mutate } from '../lib/api.mjs'
import { Proxy } from '../lib/proxy.mjs'
import { GRACE, TestServer } from '../lib/server.mjs'
import { soon, until } from '../lib/wait.mjs'
import { open } from '../transports/transport-ws.mjs'
import { behaviour } from './behaviour.mjs'
import { ORDER_UPDATES, Recorder } from './recorder.mjs'

behaviour('graphql-transport-ws', open)

/** The lifetime of a token of `shortLived`, in milliseconds: a machine may pause for a third of it. */
const LIFETIME = 9_000

/** With tokens that outlive the tests. @type {TestServer} */
let server
/** @type {TestServer} */
let shortLived
before(async () => {
  server = await TestServer.start()
  shortLived = await TestServer.start({ ORDERWIRE_AUTH_ACCESS_TOKEN_LIFETIME: `${LIFETIME}ms` })
})
after(async () => {
  await server?.stop()
  await shortLived?.stop()
})

test('graphql-transport-ws: closes with 4403 when the token expires', async () => {
  const { token } = await shortLived.customer()
  const end = await soon('the end of the token', new Recorder(open, { url: shortLived.url, token }).end)
  assert.deepEqual([end.how, end.code], ['lost', 4403])
})

test('graphql-transport-ws: closes with 4403 when the session ends', async () => {
  const { token } = await server.customer()
  const order = await server.order(token)
  const recorder = new Recorder(open, { url: server.url, token, variables: { orderId: order.id } })
  await recorder.until(1)
  await server.signOutEverywhere(token)
  const end = await soon('the end of the session', recorder.end)
  assert.deepEqual([end.how, end.code], ['lost', 4403])
})

test('graphql-transport-ws: a fresh token keeps the socket alive', async () => {
  const person = await shortLived.customer()
  const credentials = { email: person.email, password: person.password }
  const selection = 'session { accessToken refreshToken expiresAt }'
  const { session } = await mutate(shortLived.url, 'login', 'LoginInput', credentials, selection)
  /** @type {WebSocket | undefined} */
  let socket
  /** @type {number | undefined} */
  let closed
  const client = createClient({
    url: shortLived.url.replace('http', 'ws'),
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
    await until('a third of its life is over', () => Date.now() > expires - (2 * LIFETIME) / 3)
    const input = { refreshToken: session.refreshToken }
    const fresh = (await mutate(shortLived.url, 'refreshSession', 'RefreshSessionInput', input, selection)).session
    socket?.send(JSON.stringify({ type: 'ping', payload: bearer(fresh.accessToken) }))
    await until('the first token has expired', () => Date.now() > expires + 500)
    assert.equal(closed, undefined)
    const { number } = await shortLived.order(fresh.accessToken)
    const { value } = await soon('an update', first)
    assert.equal(value.data.orderUpdates.order.number, number)
    await until('the fresh token has expired', () => closed !== undefined)
    assert.equal(closed, 4403)
  } finally {
    await client.dispose()
  }
})

test('graphql-transport-ws: a message that is too large closes with 1009, however much is sent', async () => {
  for (const size of [1_200_000, 10_000_000]) {
    const socket = new WebSocket(server.url.replace('http', 'ws'), 'graphql-transport-ws')
    /** @type {Promise<number>} */
    const closed = new Promise((resolve) => socket.on('close', resolve))
    socket.on('error', () => {}) // the code tells what happened
    socket.on('open', () => socket.send('x'.repeat(size)))
    assert.equal(await soon('the end of the socket', closed), 1009, `${size} bytes`)
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
  await server.program?.stop(GRACE)
  assert.equal((await soon('the end', recorder.end)).code, 1001)
})
