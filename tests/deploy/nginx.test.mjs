// Tests of deploy/nginx/orderwire.conf with the real nginx.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request as send } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { bearer, call } from '../clients/lib/api.mjs'
import { freePort } from '../clients/lib/process.mjs'
import { GRACE, TestServer } from '../clients/lib/server.mjs'
import { soon, until } from '../clients/lib/wait.mjs'
import { transports } from '../clients/transports/index.mjs'
import { Nginx } from './nginx.mjs'

/** The deadline of an update, in milliseconds. A proxy that buffers would hold it back until the stream ends. */
const AT_ONCE = 20_000

const SUBSCRIPTION = 'subscription { orderUpdates { kind order { number } } }'

/**
 * nginx in front of these ports, for one test.
 *
 * @param {import('node:test').TestContext} t
 * @param {number[]} nodes
 */
async function inFrontOf(t, nodes) {
  const folder = mkdtempSync(join(tmpdir(), 'orderwire-nginx-'))
  const nginx = await Nginx.start(folder, nodes)
  t.after(async () => {
    await nginx.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  return nginx
}

/**
 * A server that takes the place of a node and shows the requests it gets.
 *
 * @param {import('node:test').TestContext} t
 * @param {import('node:http').RequestListener} [listener]
 */
async function mirror(t, listener) {
  const seen = { requests: 0 }
  const server = createServer((request, response) => {
    seen.requests += 1
    if (listener) listener(request, response)
    else response.end(JSON.stringify(request.headers))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port, seen }
}

describe('in front of a node', () => {
  /** @type {TestServer} */
  let server
  before(async () => (server = await TestServer.start()))
  after(() => server.stop())

  for (const [name, open] of Object.entries(transports)) {
    test(`updates come at once over ${name}`, async (t) => {
      const nginx = await inFrontOf(t, [server.port])
      const { token } = await server.customer()
      /** @type {string[]} */
      const got = []
      let ended
      const stop = open({
        url: nginx.url,
        token,
        query: SUBSCRIPTION,
        next: ({ orderUpdates }) => got.push(orderUpdates.order.number),
        end: (end) => (ended = end),
      })
      t.after(stop)
      // Orders that are placed before the subscription is open are not delivered.
      await until('the first update', async () => {
        await server.order(token)
        return got.length > 0
      })
      const { number } = await server.order(token)
      await until('the next update', () => got.includes(number), AT_ONCE)
      assert.equal(ended, undefined)
    })
  }

  test('what the server says of a body that is too large comes through', async (t) => {
    const nginx = await inFrontOf(t, [server.port])
    const response = await fetch(nginx.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: `{ products { totalCount } } #${'x'.repeat(1_500_000)}` }),
    })
    assert.equal(response.status, 413)
    assert.ok((await response.json()).errors[0].message)
  })

  test('pages of the same origin may open sockets, others may not', async (t) => {
    const nginx = await inFrontOf(t, [server.port])
    const ask = async (/** @type {string} */ origin) => {
      const headers = { origin, upgrade: 'websocket', connection: 'upgrade', 'sec-websocket-version': '13' }
      const extra = { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-protocol': 'graphql-transport-ws' }
      return upgrade(nginx.port, { ...headers, ...extra })
    }
    assert.equal(await ask(nginx.origin), 101)
    assert.equal(await ask('https://elsewhere.example.com'), 403)
  })

  test('answers that anyone may get reach the node until nginx has them, and are revalidated when they are old', async (t) => {
    const nginx = await inFrontOf(t, [server.port])
    const query = '{ products(first: 3) { nodes { name } } }'
    const sha256Hash = createHash('sha256').update(query).digest('hex')
    const registered = await fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, extensions: { persistedQuery: { version: 1, sha256Hash } } }),
    })
    assert.equal(registered.status, 200)
    const url = `${nginx.url}?documentId=sha256:${sha256Hash}`
    let sent = 0
    const ask = async (/** @type {Record<string, string>} */ headers = {}) => {
      sent += 1
      const response = await fetch(url, { headers: { accept: 'application/json', ...headers } })
      return { status: response.status, type: response.headers.get('content-type'), body: await response.text() }
    }
    const first = await ask()
    assert.equal(JSON.parse(first.body).data.products.nodes.length, 2)
    const uses = async () => (await nginx.requests(sent)).map(({ cache }) => cache)
    const untilUsed = (/** @type {string} */ cache) =>
      until(`a request is a ${cache}`, async () => {
        assert.deepEqual(await ask(), first)
        return (await uses()).includes(cache)
      })
    await untilUsed('HIT')
    for (const same of await Promise.all(Array.from({ length: 50 }, () => ask()))) assert.deepEqual(same, first)
    const { token } = await server.customer()
    assert.deepEqual(await ask(bearer(token)), first)
    assert.match((await ask({ 'orderwire-consistency': 'of no mutation' })).body, /BAD_USER_INPUT/)
    const format = 'application/graphql-response+json'
    assert.equal((await ask({ accept: format })).type, `${format}; charset=utf-8`)
    await untilUsed('REVALIDATED')
    const asked = (await nginx.requests(sent)).filter(({ node }) => node !== '').map(({ cache }) => cache)
    // MISS, again until nginx has stored the answer; then with tokens, once in the other format, and for revalidations.
    assert.match(asked.join(' '), /^(MISS ){1,5}(REVALIDATED )*BYPASS (REVALIDATED )*BYPASS (REVALIDATED )*MISS( REVALIDATED)+$/)
    assert.ok((await uses()).filter((cache) => cache === 'HIT').length >= 50)
  })

  test('files that never change reach the node until nginx has them', async (t) => {
    const nginx = await inFrontOf(t, [server.port])
    const page = await (await fetch(`${nginx.origin}/graphiql`)).text()
    const [file] = page.match(/\/ui\/assets\/[^"']+\.js/) ?? []
    let sent = 1
    const ask = async () => {
      sent += 1
      assert.equal((await fetch(nginx.origin + file)).status, 200)
      return (await nginx.requests(sent)).filter(({ path }) => path === file).map(({ cache }) => cache)
    }
    const misses = (await until('nginx has it', async () => {
      const uses = await ask()
      return uses.at(-1) === 'HIT' ? uses : undefined
    })).filter((cache) => cache !== 'HIT')
    assert.deepEqual(new Set(misses), new Set(['MISS']))
    for (let i = 0; i < 3; i++) assert.equal((await ask()).at(-1), 'HIT')
  })

  test('tickets are not logged', async (t) => {
    const nginx = await inFrontOf(t, [server.port])
    await fetch(`${nginx.url}?query={products{totalCount}}&ticket=a-secret`, { headers: bearer('another-secret') })
    await until('the line', () => nginx.lines().requests.length > 0)
    assert.ok(!JSON.stringify(nginx.lines()).includes('secret'))
  })
})

/**
 * The status of the answer to a request to open a WebSocket.
 *
 * @param {number} port
 * @param {Record<string, string>} headers
 * @returns {Promise<number | undefined>}
 */
function upgrade(port, headers) {
  const sent = send({ port, host: '127.0.0.1', path: '/graphql', headers })
  const answer = new Promise((resolve, reject) => {
    sent.once('upgrade', (response, socket) => {
      socket.destroy()
      resolve(response.statusCode)
    })
    sent.once('response', (response) => {
      response.destroy()
      resolve(response.statusCode)
    })
    sent.once('error', reject)
  })
  sent.end()
  return soon('an answer', answer)
}

test('the address of the client is handed on, and not what it claims', async (t) => {
  const { port } = await mirror(t)
  const nginx = await inFrontOf(t, [port])
  const response = await fetch(nginx.url, {
    headers: { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https', 'x-request-id': 'mine' },
  })
  const headers = await response.json()
  assert.equal(headers['x-forwarded-for'], '127.0.0.1')
  assert.equal(headers['x-forwarded-proto'], 'http')
  assert.equal(headers['host'], `127.0.0.1:${nginx.port}`)
  assert.equal(headers['x-request-id'], 'mine')
})

test('metrics are not served, even where a node has them', async (t) => {
  const { port, seen } = await mirror(t)
  const nginx = await inFrontOf(t, [port])
  for (const path of ['/metrics', '/metrics/', '/metrics?x', '//metrics', '/%6detrics', '/x/../metrics']) {
    assert.equal((await fetch(nginx.origin + path)).status, 403, path)
  }
  assert.equal(seen.requests, 0)
})

test('a stream is handed on piece by piece', async (t) => {
  const { port } = await mirror(t, (_, response) => response.setHeader('x-accel-buffering', 'no').write('first'))
  const nginx = await inFrontOf(t, [port])
  const response = await fetch(nginx.url, { signal: AbortSignal.timeout(AT_ONCE) })
  const { value } = (await response.body?.getReader().read()) ?? {}
  assert.equal(new TextDecoder().decode(value), 'first')
})

test('a node that cannot be connected to costs no request', async (t) => {
  const { port, seen } = await mirror(t)
  const nginx = await inFrontOf(t, [await freePort(), port, await freePort()])
  for (let i = 0; i < 20; i++) {
    assert.equal((await fetch(nginx.url, { method: 'POST', body: '{}' })).status, 200)
  }
  assert.equal(seen.requests, 20)
  assert.ok(nginx.lines().trouble.some((line) => line.includes('Connection refused')))
})

for (const [method, status, repeated] of /** @type {const} */ ([['GET', 200, 1], ['POST', 502, 0]])) {
  test(`a ${method} that breaks off is ${repeated ? 'repeated' : 'not repeated'}`, async (t) => {
    const breaking = await mirror(t, (request) => request.socket.destroy())
    const answering = await mirror(t)
    const nginx = await inFrontOf(t, [breaking.port, answering.port])
    const response = await fetch(nginx.url, { method, body: method === 'POST' ? '{}' : undefined })
    assert.equal(response.status, status)
    assert.deepEqual([breaking.seen.requests, answering.seen.requests], [1, repeated])
  })
}

test('a node that stops under load costs no POST', async (t) => {
  const nodes = []
  for (let i = 0; i < 2; i++) {
    const node = await TestServer.start({ ORDERWIRE_SERVER_HANDOVER: '5s' })
    t.after(() => node.stop())
    nodes.push(node)
  }
  const nginx = await inFrontOf(t, nodes.map(({ port }) => port))
  let answered = 0
  let stopping = false
  /** @type {string[]} */
  const failures = []
  const client = async () => {
    while (!stopping) {
      await call(nginx.url, '{ products(first: 1) { totalCount } }').then(
        () => (answered += 1),
        (error) => failures.push(`${error.message} ${error.cause?.code ?? ''}`),
      )
    }
  }
  const clients = Array.from({ length: 32 }, client)
  await until('answers', () => answered > 1_000)
  assert.deepEqual(await nodes[0]?.program?.stop(GRACE), { code: 0, signal: null })
  const before = answered
  await until('answers of the other', () => answered > before + 1_000)
  stopping = true
  await Promise.all(clients)
  assert.deepEqual(failures, [])
  const { requests } = nginx.lines()
  const elsewhere = requests.filter(({ node }) => node.includes(',')).length
  console.log(`${answered} POSTs, ${elsewhere} of them sent on to the other node`)
})
