// Tests for all examples that place an order and watch it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { call, mutate } from '../../tests/clients/lib/api.mjs'
import { Proxy } from '../../tests/clients/lib/proxy.mjs'
import { TestServer } from '../../tests/clients/lib/server.mjs'
import { until } from '../../tests/clients/lib/wait.mjs'
import { Example, plain, signsIn } from './example.mjs'

/**
 * For whom an example runs.
 *
 * @typedef {object} Caller
 * @property {string} id The user whose orders it places.
 * @property {string} token Of that user.
 * @property {Record<string, string>} credentials What the example has in its environment.
 * @property {() => Promise<unknown>} disconnect Ends its connections by changing what they were granted for.
 */

/**
 * What an example says who it is with.
 *
 * @typedef {object} Credentials
 * @property {(server: TestServer) => Promise<Caller>} make
 * @property {Record<string, string>} wrong What the server refuses.
 * @property {RegExp} refusal What the example then prints.
 */

/** @type {Credentials} */
export const password = {
  async make(server) {
    const { id, token, ...account } = await server.customer()
    return { id, token, credentials: signsIn(account), disconnect: () => server.signOutEverywhere(token) }
  },
  wrong: { ORDERWIRE_PASSWORD: 'not this one' },
  refusal: /^[^\n]*password[^\n]*\n$/i,
}

/** @type {Credentials} */
export const apiKey = {
  async make(server) {
    const { secret, creator } = await server.apiKey(['READ_ORDERS', 'WRITE_ORDERS'])
    const { token } = await server.admin()
    const input = { userId: creator.id, role: 'STAFF' }
    const disconnect = () => mutate(server.url, 'updateUserRole', 'UpdateUserRoleInput', input, '', { token })
    return { ...creator, credentials: { ORDERWIRE_API_KEY: secret }, disconnect }
  },
  wrong: { ORDERWIRE_API_KEY: `owk_${'A'.repeat(40)}` },
  refusal: /^[^\n]*API key is not valid[^\n]*\n$/,
}

/**
 * @param {string} name
 * @param {import('./example.mjs').Command} command
 * @param {Credentials} [credentials]
 */
export function ordersExample(name, command, { make, wrong, refusal } = password) {
  /** @type {TestServer} */
  let server
  /** @type {Example[]} */
  const started = []

  before(async () => {
    server = await TestServer.start()
  })

  after(async () => {
    await Promise.all(started.map((example) => example.stop()))
    await server?.stop()
  })

  /**
   * @param {Record<string, string>} credentials
   * @param {{ port?: number, args?: string[] }} [options]
   */
  async function start(credentials, { port = server.port, args } = {}) {
    const example = await Example.start(command, { server: `http://127.0.0.1:${port}`, credentials, args })
    started.push(example)
    return example
  }

  /** @param {Caller} caller */
  async function ordersOf({ id, token }) {
    const query = 'query ($id: ID!) { orders(filter: { customerId: $id }) { nodes { id number } } }'
    return (await call(server.url, query, { id }, { token })).orders.nodes
  }

  test(`${name}: lists products, places an order, and misses and doubles none of its updates`, async () => {
    const proxy = new Proxy(server.port)
    try {
      const caller = await make(server)
      const example = await start(caller.credentials, { port: await proxy.listen() })
      await example.until(1)
      const [{ id, number }] = await ordersOf(caller)
      assert.match(example.output, new RegExp(`^cup: 2.50 GBP\\ntea: 2.50 GBP\\norder ${number} of 2.50\\n`))

      await server.move(id, 'CONFIRMED')
      await example.until(2)

      proxy.cutAll()
      await server.move(id, 'SHIPPED')
      await example.until(3)

      await server.program?.stop()
      await server.boot()
      await server.move(id, 'DELIVERED')
      await example.until(4)

      const { taken } = proxy
      await caller.disconnect()
      await until('it has connected again', () => proxy.taken > taken)
      await server.move(id, 'RETURNED')
      await example.until(5)

      const changes = ['CONFIRMED', 'SHIPPED', 'DELIVERED', 'RETURNED'].map((status) => `STATUS_CHANGED ${number} ${status}`)
      assert.deepEqual(
        example.updates.map(({ text }) => text),
        [`SNAPSHOT ${number} PENDING`, ...changes].map(plain),
      )
    } finally {
      proxy.close()
    }
  })

  test(`${name}: the same idempotency key gives the same order`, async () => {
    const caller = await make(server)
    const args = ['cart-17']
    const runs = [await start(caller.credentials, { args }), await start(caller.credentials, { args })]
    await Promise.all(runs.map((example) => example.until(1)))
    const [{ number }, ...others] = await ordersOf(caller)
    assert.deepEqual(others, [])
    const lines = runs.map(({ output }) => /^order .*/m.exec(output)?.[0]).sort()
    assert.deepEqual(lines, [`order ${number} of 2.50`, `order ${number} of 2.50, placed before`])
  })

  test(`${name}: credentials that are refused are reported and end the program`, async () => {
    const { credentials } = await make(server)
    const example = await start({ ...credentials, ...wrong })
    assert.equal((await example.end()).code, 1)
    assert.match(example.output, refusal)
  })
}
