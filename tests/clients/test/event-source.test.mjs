import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { Proxy } from '../lib/proxy.mjs'
import { TestServer } from '../lib/server.mjs'
import { address, open, ticket } from '../transports/event-source.mjs'
import { behaviour } from './behaviour.mjs'
import { ORDER_UPDATES, Recorder } from './recorder.mjs'

behaviour('EventSource', open, { reconnects: true })

/** @type {TestServer} */
let server
before(async () => {
  server = await TestServer.start()
})
after(() => server?.stop())

test('EventSource: it comes back by itself and names the last event', async () => {
  const { token } = await server.customer()
  const first = await server.order(token)
  const proxy = new Proxy(server.port)
  const url = `http://127.0.0.1:${await proxy.listen()}/graphql`
  const recorder = new Recorder(open, { url, token, variables: { orderId: first.id } })
  try {
    await recorder.until(1)
    proxy.cutAll()
    await server.move(first.id, 'CONFIRMED')
    await server.move(first.id, 'SHIPPED')
    await recorder.until(3)
    proxy.cutAll()
    await server.move(first.id, 'DELIVERED')
    await recorder.until(4)
    assert.deepEqual(
      recorder.updates.map(({ kind, order }) => [kind, order.status]),
      [
        ['SNAPSHOT', 'PENDING'],
        ['STATUS_CHANGED', 'CONFIRMED'],
        ['STATUS_CHANGED', 'SHIPPED'],
        ['STATUS_CHANGED', 'DELIVERED'],
      ],
    )
    assert.deepEqual(recorder.ids, recorder.updates.map(({ cursor }) => cursor))
  } finally {
    recorder.stop?.()
    proxy.close()
  }
})

test('EventSource: a ticket that does not hold is refused, and no ticket is logged', async () => {
  const accept = { headers: { accept: 'text/event-stream' } }
  const stale = await fetch(address(server.url, { query: ORDER_UPDATES, ticket: 'stale' }), accept)
  assert.equal(stale.status, 401)
  await stale.body?.cancel()
  const good = await ticket(server.url, server.staff)
  const taken = await fetch(address(server.url, { query: ORDER_UPDATES, ticket: good }), accept)
  assert.equal(taken.status, 200)
  await taken.body?.cancel()
  assert.ok(!readFileSync(server.log, 'utf8').includes(good))
})
