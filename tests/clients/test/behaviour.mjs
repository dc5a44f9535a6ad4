// The tests that every transport must pass. Each transport's own file runs them with that transport's client.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { call } from '../lib/api.mjs'
import { Proxy } from '../lib/proxy.mjs'
import { GRACE, TestServer } from '../lib/server.mjs'
import { sleep, soon, until } from '../lib/wait.mjs'
import { Recorder } from './recorder.mjs'

/**
 * @param {string} name
 * @param {import('../transports/opening.mjs').Transport} transport
 * @param {object} [options]
 * @param {boolean} [options.reconnects] Its client connects again by itself.
 * @param {boolean} [options.parses] Its client sends no document that it can't parse.
 * @param {string} [options.invalid] The code of a document that is not valid.
 */
export function behaviour(name, transport, { reconnects = false, parses = false, invalid = 'BAD_USER_INPUT' } = {}) {
  /** @type {TestServer} */
  let server
  /** @type {Recorder[]} */
  const recorders = []

  before(async () => {
    server = await TestServer.start()
  })

  after(async () => {
    for (const recorder of recorders) recorder.stop?.()
    await server?.stop()
  })

  /**
   * @param {{ url?: string, token?: string, query?: string, variables?: Record<string, any>, idle?: boolean }} opening
   */
  function subscribe(opening) {
    const recorder = new Recorder(transport, { url: server.url, ...opening })
    recorders.push(recorder)
    return recorder
  }

  /**
   * A customer who watches one of their orders: its snapshot says that the subscription has begun.
   *
   * @param {string} [url]
   */
  async function watched(url = server.url) {
    const { token } = await server.customer()
    const order = await server.order(token)
    const recorder = subscribe({ url, token, variables: { orderId: order.id } })
    await recorder.until(1)
    return { token, order, recorder }
  }

  test(`${name}: an order arrives with its changes`, async () => {
    const { order, recorder } = await watched()
    await server.move(order.id, 'CONFIRMED')
    await server.move(order.id, 'SHIPPED')
    await recorder.until(3)
    const { number } = order
    assert.deepEqual(recorder.story, [`${number} PENDING`, `${number} CONFIRMED`, `${number} SHIPPED`])
    assert.deepEqual(
      recorder.updates.map(({ kind, previousStatus }) => [kind, previousStatus]),
      [
        ['SNAPSHOT', null],
        ['STATUS_CHANGED', 'PENDING'],
        ['STATUS_CHANGED', 'CONFIRMED'],
      ],
    )
    assert.deepEqual(recorder.updates.map(({ order }) => order.version), [1, 2, 3])
    recorder.stop?.()
  })

  test(`${name}: staff see the orders of others, customers only their own`, async () => {
    const [one, other] = [await server.customer(), await server.customer()]
    const { cursor } = (await watched()).recorder
    const variables = { after: cursor }
    const everything = subscribe({ token: server.staff, variables })
    const own = subscribe({ token: one.token, variables })
    const placed = [await server.order(other.token), await server.order(one.token)]
    await everything.until(2)
    await own.until(1)
    assert.deepEqual(everything.updates.map(({ order }) => order.id), placed.map(({ id }) => id))
    assert.deepEqual(own.updates.map(({ order, kind }) => [order.id, kind]), [[placed[1]?.id, 'CREATED']])
  })

  test(`${name}: a bad document is refused with what is wrong with it`, async () => {
    const query = 'subscription { orderUpdates { cursor price } }'
    assert.match(await subscribe({ token: server.staff, query }).refusal(), new RegExp(`^${invalid}: .*price`))
    if (parses) return
    const syntax = subscribe({ token: server.staff, query: 'subscription { orderUpdates { cursor ' })
    assert.match(await syntax.refusal(), new RegExp(`^${invalid}: `))
  })

  test(`${name}: a bad argument is refused`, async () => {
    const variables = { after: 'e0' }
    assert.match(await subscribe({ token: server.staff, variables }).refusal(), new RegExp(`^${invalid}: .*cursor`))
  })

  test(`${name}: what the viewer may not see does not exist`, async () => {
    const { order, token } = await watched()
    const other = await server.customer()
    const foreign = { orderId: order.id }
    assert.match(await subscribe({ token: other.token, variables: foreign }).refusal(), /^NOT_FOUND: /)
    const missing = { orderId: 'ord_00000000000000000000000000' }
    assert.match(await subscribe({ token, variables: missing }).refusal(), /^NOT_FOUND: /)
    const customer = { customerId: other.id }
    assert.match(await subscribe({ token, variables: customer }).refusal(), /^NOT_FOUND: /)
    assert.match(await subscribe({}).refusal(), /^UNAUTHENTICATED: /)
  })

  test(`${name}: a token that does not hold is refused`, async () => {
    const end = await soon('the refusal', subscribe({ token: 'not.a.token' }).end)
    const told = end.errors?.[0]?.extensions?.code ?? end.code ?? end.reason
    assert.ok(['UNAUTHENTICATED', 401, 4403, 'Forbidden'].some((usual) => usual === told), JSON.stringify(end))
  })

  test(`${name}: who hears nothing resumes after the log has dropped all that came meanwhile`, async () => {
    const busy = await TestServer.start({
      ORDERWIRE_WEBSOCKET_PING_INTERVAL: '200ms',
      ORDERWIRE_SERVER_STREAM_KEEP_ALIVE: '200ms',
      ORDERWIRE_RETENTION_EVENT_LOG: '1h',
      ORDERWIRE_RETENTION_PRUNE_EVERY: '1s',
    })
    try {
      const [quiet, other] = [await busy.customer(), await busy.customer()]
      const order = await busy.order(quiet.token)
      const opening = { url: busy.url, token: quiet.token }
      const idle = subscribe({ ...opening, idle: true, variables: { orderId: order.id } })
      await idle.until(1)
      for (let count = 0; count < 5; count++) await busy.order(other.token)
      const { eventCursor } = await call(busy.url, '{ eventCursor }', {}, { token: quiet.token })
      await until('the position behind the orders of others', () => idle.told.includes(eventCursor))
      assert.deepEqual(idle.story, [`${order.number} PENDING`])
      idle.stop?.()
      await busy.age('2 days')
      await until('the log is pruned', async () => {
        // A server that started before has the last entries in memory.
        await busy.restart({})
        const expired = subscribe({ ...opening, variables: { after: idle.cursor } })
        const refusal = await Promise.race([expired.refusal(), sleep(500)])
        expired.stop?.()
        return /^CURSOR_EXPIRED/.test(String(refusal))
      })
      const resumed = subscribe({ ...opening, variables: { after: idle.told.at(-1) } })
      await busy.move(order.id, 'CONFIRMED')
      await resumed.until(1)
      assert.deepEqual(resumed.story, [`${order.number} CONFIRMED`])
      assert.equal(resumed.ended, undefined)
      resumed.stop?.()
    } finally {
      await busy.stop()
    }
  })

  test(`${name}: after a cut it resumes with its cursor, and nothing is lost or doubled`, async () => {
    const proxy = new Proxy(server.port)
    try {
      const url = `http://127.0.0.1:${await proxy.listen()}/graphql`
      const { token, recorder: first } = await watched(url)
      first.stop?.()
      const story = []
      const numbers = []
      let cursor = first.cursor
      for (let round = 0; round < 4; round++) {
        const recorder = subscribe({ url, token, variables: { after: cursor } })
        numbers.push(await server.order(token), await server.order(token))
        await recorder.until(2)
        proxy.cutAll()
        if (!reconnects) assert.equal((await soon('the end', recorder.end)).how, 'lost')
        recorder.stop?.()
        numbers.push(await server.order(token))
        story.push(...recorder.story)
        cursor = recorder.cursor
      }
      const last = subscribe({ url, token, variables: { after: cursor } })
      await last.until(numbers.length - story.length)
      numbers.push(await server.order(token))
      await last.until(numbers.length - story.length)
      story.push(...last.story)
      assert.deepEqual(story, numbers.map(({ number }) => `${number} PENDING`))
    } finally {
      proxy.close()
    }
  })

  test(`${name}: a client that stops is let go, and gets nothing more`, async () => {
    const proxy = new Proxy(server.port)
    try {
      const { order, recorder } = await watched(`http://127.0.0.1:${await proxy.listen()}/graphql`)
      // One that asked for a ticket may wait for another request.
      const connected = proxy.connections.size
      assert.ok(connected > 0)
      recorder.stop?.()
      await until('the connection ends', () => proxy.connections.size < connected)
      const witness = subscribe({ token: server.staff, variables: { orderId: order.id } })
      await witness.until(1)
      await server.move(order.id, 'CANCELLED')
      await witness.until(2)
      assert.equal(recorder.updates.length, 1)
      assert.equal(recorder.ended, undefined)
    } finally {
      proxy.close()
    }
  })

  test(`${name}: the end of the session is the end of the subscription`, async () => {
    const { token, recorder } = await watched()
    await server.signOutEverywhere(token)
    const end = await soon('the end of the subscription', recorder.end)
    assert.notEqual(end.how, 'completed', 'a client that is told that it is over does not come back')
  })

  test(`${name}: a server that stops lets its clients go, who come back with their cursor`, async () => {
    const { token, recorder: before } = await watched()
    before.stop?.()
    const second = await server.order(token)
    const recorder = subscribe({ token, variables: { after: before.cursor } })
    await recorder.until(1)
    assert.deepEqual(await server.program?.stop(GRACE), { code: 0, signal: null })
    if (!reconnects) {
      const end = await soon('the end of the subscription', recorder.end)
      assert.notEqual(end.how, 'completed', 'a client that is told that it is over does not come back')
    }
    await server.boot()
    const third = await server.order(token)
    const again = reconnects ? recorder : subscribe({ token, variables: { after: recorder.cursor } })
    await again.until(reconnects ? 2 : 1)
    const story = reconnects ? recorder.story : [...recorder.story, ...again.story]
    assert.deepEqual(story, [second, third].map(({ number }) => `${number} PENDING`))
  })
}
