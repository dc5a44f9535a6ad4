import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import { basename, extname, join } from 'node:path'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { chromium } from 'playwright-core'
import { signIn } from '../../tests/clients/lib/api.mjs'
import { Proxy } from '../../tests/clients/lib/proxy.mjs'
import { TestServer } from '../../tests/clients/lib/server.mjs'
import { until } from '../../tests/clients/lib/wait.mjs'
import { examples } from './example.mjs'

/** @type {TestServer} */
let server
/** @type {import('node:http').Server} */
let site
/** @type {string} */
let siteUrl
/** @type {import('playwright-core').Browser} */
let browser
/** @type {Proxy} */
let proxy
/** @type {string} */
let address
/** @type {import('playwright-core').Page} */
let page
/** @type {string[]} */
const problems = []

before(async () => {
  server = await TestServer.start()
  site = createServer((request, response) => {
    const name = basename(request.url ?? '')
    response.setHeader('content-type', extname(name) === '.js' ? 'text/javascript' : 'text/html')
    createReadStream(join(examples, 'websocket', name)).on('error', () => response.writeHead(404).end()).pipe(response)
  })
  await new Promise((resolve) => site.listen(0, '127.0.0.1', () => resolve(undefined)))
  siteUrl = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (site.address()).port}`
  browser = await chromium.launch({
    timeout: 120_000,
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  })
})

after(async () => {
  await browser?.close()
  site?.close()
  await server?.stop()
})

beforeEach(async () => {
  proxy = new Proxy(server.port)
  address = `http://127.0.0.1:${await proxy.listen()}`
  page = await browser.newPage()
  page.setDefaultTimeout(60_000)
  page.on('pageerror', (error) => problems.push(error.message))
  await page.goto(`${siteUrl}/event-source.html`)
})

afterEach(async () => {
  await page.close()
  proxy.close()
})

/** @param {{ email: string, password: string }} account */
async function watch({ email, password }) {
  await page.getByLabel('Server').fill(address)
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Watch' }).click()
}

/** The updates on the page, oldest first. */
async function updates() {
  return (await page.locator('#updates li').allTextContents()).reverse()
}

/** @param {number} count */
async function untilUpdates(count) {
  await until(`update ${count}`, async () => (await updates()).length >= count)
}

test('EventSource: nothing is missed or doubled over cuts and a restart of the server', async () => {
  const { token, ...customer } = await server.customer()
  await watch(customer)
  await page.getByText('Watching').waitFor()
  const orders = [await server.order(token)]
  await untilUpdates(1)
  for (let round = 1; round <= 3; round++) {
    proxy.cutAll()
    orders.push(await server.order(token), await server.order(token))
    await untilUpdates(orders.length)
  }
  await server.program?.stop()
  await server.boot()
  const last = await server.order(token)
  await server.move(last.id, 'CONFIRMED')
  await untilUpdates(orders.length + 2)
  assert.deepEqual(await updates(), [
    ...[...orders, last].map(({ number }) => `${number} CREATED PENDING`),
    `${last.number} STATUS_CHANGED PENDING → CONFIRMED`,
  ])
})

test('EventSource: what happens before the stream is opened is not missed', async () => {
  const { token, ...customer } = await server.customer()
  /** @type {{ number: string } | undefined} */
  let order
  await page.route('**/graphql?*', async (route) => {
    order ??= await server.order(token)
    await route.continue()
  })
  await watch(customer)
  await untilUpdates(1)
  assert.deepEqual(await updates(), [`${order?.number} CREATED PENDING`])
})

test('EventSource: when it is refused for a while, the page goes on with its cursor', async () => {
  const { token, ...customer } = await server.customer()
  await watch(customer)
  await page.getByText('Watching').waitFor()
  const orders = [await server.order(token)]
  await untilUpdates(1)
  let refused = 0
  const refuse = (/** @type {import('playwright-core').Route} */ route) => {
    refused += 1
    return route.fulfill({ status: 503 })
  }
  await page.route('**/graphql?*', refuse, { times: 2 })
  proxy.cutAll()
  orders.push(await server.order(token))
  await untilUpdates(2)
  assert.equal(refused, 2)
  assert.deepEqual(await updates(), orders.map(({ number }) => `${number} CREATED PENDING`))
})

test('EventSource: the end of the session is reported, and the stream continues after signing in again', async () => {
  const { token, ...customer } = await server.customer()
  await watch(customer)
  await page.getByText('Watching').waitFor()
  const orders = [await server.order(token)]
  await untilUpdates(1)
  await server.signOutEverywhere(token)
  await page.getByText(/session/).waitFor()
  const again = (await signIn(server.url, customer)).accessToken
  orders.push(await server.order(again))
  await watch(customer)
  await untilUpdates(2)
  assert.deepEqual(await updates(), orders.map(({ number }) => `${number} CREATED PENDING`))
})

test('EventSource: after a cursor that has expired, signing in again begins anew', async () => {
  const { token, ...customer } = await server.customer()
  await watch(customer)
  await page.getByText('Watching').waitFor()
  const first = await server.order(token)
  await untilUpdates(1)
  const errors = [{ message: 'too old', extensions: { code: 'CURSOR_EXPIRED' } }]
  const body = `event: next\ndata: ${JSON.stringify({ errors })}\n\nevent: complete\ndata:\n\n`
  const refuse = (/** @type {import('playwright-core').Route} */ route) => {
    return route.fulfill({ contentType: 'text/event-stream', headers: { 'access-control-allow-origin': '*' }, body })
  }
  await page.route('**/graphql?*', refuse, { times: 1 })
  proxy.cutAll()
  await page.getByText('too old').waitFor()
  await server.order(token)
  await watch(customer)
  await page.getByText('Watching').waitFor()
  const last = await server.order(token)
  await untilUpdates(2)
  assert.deepEqual(await updates(), [first, last].map(({ number }) => `${number} CREATED PENDING`))
})

test('EventSource: a wrong password is reported', async () => {
  await watch({ ...(await server.customer()), password: 'not this one' })
  await page.getByText(/password is not right/).waitFor()
})

test('EventSource: nothing went wrong on the page', () => {
  assert.deepEqual(problems, [])
})
