// Tests for all examples that place an order and watch it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { call } from '../../tests/clients/lib/api.mjs'
import { Proxy } from '../../tests/clients/lib/proxy.mjs'
import { TestServer } from '../../tests/clients/lib/server.mjs'
import { until } from '../../tests/clients/lib/wait.mjs'
import { Example, plain } from './example.mjs'

/**
 * @param {string} name
 * @param {import('./example.mjs').Command} command
 */
export function ordersExample(name, command) {
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
   * @param {{ email: string, password: string }} account
   * @param {{ port?: number, args?: string[] }} [options]
   */
  async function start(account, { port = server.port, args } = {}) {
    const example = await Example.start(command, { server: `http://127.0.0.1:${port}`, account, args })
    started.push(example)
    return example
  }

  /** @param {string} token */
  async function ordersOf(token) {
    return (await call(server.url, '{ orders { nodes { id number } } }', {}, { token })).orders.nodes
  }

  test(`${name}: lists products, places an order, and misses and doubles none of its updates`, async () => {
    const proxy = new Proxy(server.port)
    try {
      const customer = await server.customer()
      const example = await start(customer, { port: await proxy.listen() })
      await example.until(1)
      const [{ id, number }] = await ordersOf(customer.token)
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
      await server.signOutEverywhere(customer.token)
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
    const customer = await server.customer()
    const args = ['cart-17']
    const runs = [await start(customer, { args }), await start(customer, { args })]
    await Promise.all(runs.map((example) => example.until(1)))
    const [{ number }, ...others] = await ordersOf(customer.token)
    assert.deepEqual(others, [])
    const lines = runs.map(({ output }) => /^order .*/m.exec(output)?.[0]).sort()
    assert.deepEqual(lines, [`order ${number} of 2.50`, `order ${number} of 2.50, placed before`])
  })

  test(`${name}: a wrong password is reported and ends the program`, async () => {
    const example = await start({ ...(await server.customer()), password: 'not this one' })
    assert.equal((await example.end()).code, 1)
    assert.match(example.output, /^[^\n]*password[^\n]*\n$/i)
  })
}
