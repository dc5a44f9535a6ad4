import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { call, signIn } from '../../tests/clients/lib/api.mjs'
import { Proxy } from '../../tests/clients/lib/proxy.mjs'
import { TestServer } from '../../tests/clients/lib/server.mjs'
import { until } from '../../tests/clients/lib/wait.mjs'
import { Example, plain, signsIn } from './example.mjs'

const command = { folder: 'websocket', program: process.execPath, args: ['subscribe.mjs'] }

/** @type {TestServer} */
let server
/** @type {Proxy} */
let proxy
/** @type {string} Of the proxy. */
let address
/** @type {string} */
let scratch
/** @type {Example[]} */
const started = []

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'orderwire-cursors-'))
  server = await TestServer.start()
  proxy = new Proxy(server.port)
  address = `http://127.0.0.1:${await proxy.listen()}`
})

after(async () => {
  await Promise.all(started.map((example) => example.stop()))
  proxy?.close()
  await server?.stop()
  await rm(scratch, { recursive: true, force: true })
})

/**
 * @param {{ email: string, password: string }} account
 * @param {string} cursorFile
 */
async function start(account, cursorFile) {
  const example = await Example.start(command, { server: address, credentials: signsIn(account), args: [cursorFile] })
  started.push(example)
  return example
}

/** A customer, and a file with the cursor of their first order: the start of what is watched. */
async function customerWithCursor() {
  const customer = await server.customer()
  await server.order(customer.token)
  const { orders } = await call(server.url, '{ orders { nodes { history { cursor } } } }', {}, customer)
  const file = join(scratch, customer.id)
  await writeFile(file, orders.nodes[0].history[0].cursor)
  return { ...customer, file }
}

/** @param {{ number: string }[]} orders */
function created(orders) {
  return orders.map(({ number }) => plain(`CREATED ${number} PENDING`))
}

test('graphql-ws: nothing is missed or doubled over cuts and a restart of the server', async () => {
  const { token, file, ...customer } = await customerWithCursor()
  const orders = [await server.order(token)]
  const example = await start(customer, file)
  await example.until(1)
  for (let round = 1; round <= 3; round++) {
    proxy.cutAll()
    orders.push(await server.order(token), await server.order(token))
    await example.until(orders.length)
  }
  await server.program?.stop()
  await server.boot()
  const last = await server.order(token)
  await server.move(last.id, 'CONFIRMED')
  await example.until(orders.length + 2)
  const texts = example.updates.map(({ text }) => text)
  assert.deepEqual(texts, [...created([...orders, last]), plain(`STATUS_CHANGED ${last.number} PENDING → CONFIRMED`)])
})

test('graphql-ws: it goes on where it was stopped', async () => {
  const { token, file, ...customer } = await customerWithCursor()
  /** @type {{ number: string }[]} */
  const orders = []
  /** @type {Example[]} */
  const runs = []
  const printed = () => runs.flatMap(({ updates }) => updates.map(({ text }) => text))
  const all = () => until('every update so far', () => printed().length >= orders.length)
  for (const signal of /** @type {NodeJS.Signals[]} */ (['SIGINT', 'SIGTERM', 'SIGKILL'])) {
    orders.push(await server.order(token))
    const example = await start(customer, file)
    runs.push(example)
    await all()
    orders.push(await server.order(token))
    await all()
    await until('it has kept its cursor', () => readFileSync(file, 'utf8') === example.updates.at(-1)?.cursor)
    example.program.kill(signal)
    await example.end()
    orders.push(await server.order(token))
  }
  runs.push(await start(customer, file))
  await all()
  assert.deepEqual(printed(), created(orders))
})

test('graphql-ws: without a cursor it begins with what happens now', async () => {
  const { token, ...customer } = await server.customer()
  const old = await server.order(token)
  const file = join(scratch, 'none yet')
  const example = await start(customer, file)
  await until('it has a cursor', () => existsSync(file))
  const orders = [await server.order(token)]
  await example.until(1)
  orders.push(await server.order(token))
  await example.until(2)
  assert.ok(!example.output.includes(old.number))
  assert.deepEqual(example.updates.map(({ text }) => text), created(orders))
})

test('graphql-ws: it keeps how far it is, although only others have orders, for longer than the event log lasts', async () => {
  const busy = await TestServer.start({
    ORDERWIRE_WEBSOCKET_PING_INTERVAL: '200ms',
    ORDERWIRE_RETENTION_EVENT_LOG: '1h',
    ORDERWIRE_RETENTION_PRUNE_EVERY: '1s',
  })
  try {
    const [quiet, other] = [await busy.customer(), await busy.customer()]
    const file = join(scratch, 'quiet')
    const run = async () => {
      const example = await Example.start(command, { server: busy.url.replace('/graphql', ''), credentials: signsIn(quiet), args: [file] })
      started.push(example)
      return example
    }
    const idle = await run()
    await until('it has a cursor', () => existsSync(file))
    const first = readFileSync(file, 'utf8')
    for (let count = 0; count < 5; count++) await busy.order(other.token)
    const { eventCursor } = await call(busy.url, '{ eventCursor }', {}, quiet)
    await until('it keeps the position behind them', () => readFileSync(file, 'utf8') === eventCursor)
    idle.program.kill('SIGKILL')
    await idle.end()
    await busy.age('2 days')
    const expired = { query: 'subscription ($after: EventCursor) { orderUpdates(after: $after) { cursor } }', variables: { after: first } }
    await until('the log is pruned', async () => {
      // A server that started before has the last entries in memory.
      await busy.restart({})
      return (await firstEvent(busy.url, quiet.token, expired)).includes('CURSOR_EXPIRED')
    })
    const order = await busy.order(quiet.token)
    const resumed = await run()
    await resumed.until(1)
    assert.deepEqual(resumed.updates.map(({ text }) => text), created([order]))
  } finally {
    await busy.stop()
  }
})

/**
 * What an event stream begins with.
 *
 * @param {string} url
 * @param {string} token
 * @param {object} operation
 */
async function firstEvent(url, token, operation) {
  const headers = { accept: 'text/event-stream', 'content-type': 'application/json', authorization: `Bearer ${token}` }
  const signal = AbortSignal.timeout(500)
  let text = ''
  try {
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(operation), signal })
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString()
  } catch (problem) {
    if (!signal.aborted) throw problem
  }
  return text
}

test('graphql-ws: what happens before its first subscription is not missed', async () => {
  const { token, ...customer } = await server.customer()
  const file = join(scratch, 'before the first')
  const example = await start(customer, file)
  await until('it has a cursor', () => existsSync(file))
  proxy.refuses = () => true
  proxy.cutAll()
  const order = await server.order(token)
  proxy.refuses = () => false
  await example.until(1)
  assert.deepEqual(example.updates.map(({ text }) => text), created([order]))
})

test('graphql-ws: a connection that is dead without a word is noticed', async () => {
  const { token, file, ...customer } = await customerWithCursor()
  const orders = [await server.order(token)]
  const example = await start(customer, file)
  await example.until(1)
  for (const connection of proxy.connections) connection.stall()
  orders.push(await server.order(token))
  await example.until(2)
  assert.deepEqual(example.updates.map(({ text }) => text), created(orders))
})

test('graphql-ws: it signs in again when its session was ended', async () => {
  const { token, file, ...customer } = await customerWithCursor()
  const orders = [await server.order(token)]
  const example = await start(customer, file)
  await example.until(1)
  const { taken } = proxy
  await server.signOutEverywhere(token)
  await until('it has connected again', () => proxy.taken > taken)
  const { accessToken } = await signIn(server.url, customer)
  orders.push(await server.order(accessToken))
  await example.until(2)
  assert.deepEqual(example.updates.map(({ text }) => text), created(orders))
})

test('graphql-ws: a wrong password is reported and ends the program', async () => {
  const { file, ...customer } = await customerWithCursor()
  const example = await start({ ...customer, password: 'not this one' }, file)
  assert.equal((await example.end()).code, 1)
  assert.match(example.output, /^[^\n]*password[^\n]*\n$/i)
})
