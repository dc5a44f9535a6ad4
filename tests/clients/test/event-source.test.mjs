import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { Proxy } from '../lib/proxy.mjs'
import { TestServer } from '../lib/server.mjs'
import { address, makeTicket, open } from '../transports/event-source.mjs'
import { behaviour } from './behaviour.mjs'
import { ORDER_UPDATES, Recorder } from './recorder.mjs'

// Making a ticket fails as mutations do.
behaviour('EventSource', open, { reconnects: true, invalid: 'INVALID_INPUT' })

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

test('EventSource: a ticket is good for its own subscription only, and is not logged', async () => {
  const query = ORDER_UPDATES
  const ticket = await makeTicket(server.url, server.staff, { query })
  const others = [
    { query, ticket: 'stale' },
    { query: query.replace('kind', 'kind again: kind'), ticket },
    { query, variables: { after: null }, ticket },
  ]
  for (const other of others) {
    const response = await ask(other)
    const answer = `${response.status} ${await response.text()}`
    assert.match(answer, /^401 |"UNAUTHENTICATED"/, JSON.stringify(other.variables))
  }
  const taken = await ask({ query, ticket })
  assert.equal(taken.status, 200)
  await taken.body?.cancel()
  assert.ok(!readFileSync(server.log, 'utf8').includes(ticket))
})

/** @param {{ query: string, variables?: object, ticket: string }} parameters */
function ask(parameters) {
  const headers = { accept: 'text/event-stream' }
  return fetch(address(server.url, parameters), { headers, signal: AbortSignal.timeout(10_000) })
}
