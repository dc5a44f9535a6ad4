// What an operation does is the same over every transport: how often it is executed, which of its fields come and in
// which order, and whether it is refused before anything happens.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { call } from '../lib/api.mjs'
import { TestServer } from '../lib/server.mjs'
import { MUTATIONS, QUERIES, SUBSCRIPTIONS } from './ask.mjs'

/** @type {TestServer} */
let server
before(async () => {
  server = await TestServer.start()
})
after(() => server?.stop())

/**
 * @param {import('./ask.mjs').Ask} ask
 * @param {string} query
 * @param {Record<string, unknown> | string} [variables] JSON if how it is written matters.
 * @param {string} [token]
 */
function send(ask, query, variables = {}, token = server.staff) {
  return ask(server.url, token, {
    query,
    variables: typeof variables === 'string' ? variables : JSON.stringify(variables),
  })
}

/**
 * Asserts that a document is refused.
 *
 * @param {import('./ask.mjs').Ask} ask
 * @param {string} query
 * @param {Record<string, unknown> | string} [variables]
 */
async function refused(ask, query, variables) {
  const { errors, ...rest } = await send(ask, query, variables)
  assert.ok(
    errors && errors.length > 0 && !('data' in rest),
    `${query} ${JSON.stringify(variables)}: ${JSON.stringify({ ...rest, errors })}`,
  )
}

/**
 * Asserts that a document gets these data, with the keys in this order.
 *
 * @param {import('./ask.mjs').Ask} ask
 * @param {string} query
 * @param {unknown} expected
 * @param {Record<string, unknown> | string} [variables]
 */
async function gets(ask, query, expected, variables) {
  const { data, errors } = await send(ask, query, variables)
  assert.equal(JSON.stringify(data), JSON.stringify(expected), `${query}: ${JSON.stringify(errors)}`)
}

/** The version of a product, which each change raises. */
async function version() {
  const data = await call(
    server.url,
    'query ($id: ID!) { product(id: $id) { version stock } }',
    { id: server.products[0] },
    { token: server.staff },
  )
  return data.product
}

/** Both parts of a token's session. @param {string} token @returns {{ sid: string }} */
function claims(token) {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}

for (const [name, ask] of Object.entries(MUTATIONS)) {
  test(`${name}: a mutation under one response key is executed once`, async () => {
    const before = await version()
    const input = { productId: server.products[0], delta: -1 }
    const document = `mutation ($i: AdjustStockInput!) { ...X ...Y adjustStock(input: $i) { __typename } }
      fragment X on Mutation { adjustStock(input: $i) { product { sku } } }
      fragment Y on Mutation { adjustStock(input: $i) { product { stock } } }`
    const [changed, next] = [before.stock - 1, before.version + 1]
    await gets(
      ask,
      document,
      { adjustStock: { product: { sku: 'tea', stock: changed }, __typename: 'ProductPayload' } },
      { i: input },
    )
    assert.deepEqual(await version(), { version: next, stock: changed })
  })

  test(`${name}: mutations run one after the other, in the order of their keys`, async () => {
    const { stock } = await version()
    const document = `mutation ($a: AdjustStockInput!, $b: AdjustStockInput!) {
      a: adjustStock(input: $a) { ...F } ... { b: adjustStock(input: $b) { ...F } } a: adjustStock(input: $a) { __typename } c: adjustStock(input: $a) { ...F }
    } fragment F on ProductPayload { product { stock } }`
    const [a, b] = [1, 10].map((delta) => ({ productId: server.products[0], delta }))
    const expected = {
      a: { product: { stock: stock + 1 }, __typename: 'ProductPayload' },
      b: { product: { stock: stock + 11 } },
      c: { product: { stock: stock + 12 } },
    }
    await gets(ask, document, expected, { a, b })
  })

  test(`${name}: signing in and refreshing from two fragments makes one session`, async () => {
    const { email, password } = await server.customer()
    const login = `mutation ($i: LoginInput!) { ...X ...Y }
      fragment X on Mutation { login(input: $i) { session { accessToken } } }
      fragment Y on Mutation { login(input: $i) { session { refreshToken } } }`
    const first = (await send(ask, login, { i: { email, password } })).data.login.session
    const refresh = login.replaceAll('LoginInput', 'RefreshSessionInput').replaceAll('login', 'refreshSession')
    const second = (await send(ask, refresh, { i: { refreshToken: first.refreshToken } })).data.refreshSession.session
    assert.equal(claims(second.accessToken).sid, claims(first.accessToken).sid)
    const { me } = await call(server.url, '{ me { email } }', {}, { token: second.accessToken })
    assert.equal(me.email, email)
  })

  test(`${name}: a mutation with a wrong literal or variable changes nothing`, async () => {
    const before = await products()
    const make = (/** @type {string} */ sku, price = '"1"', stock = '1') =>
      `createProduct(input: { sku: "${name}-${sku}", name: "A", price: ${price}, stock: ${stock} }) { product { id } }`
    await refused(ask, `mutation { a: ${make('a')} b: ${make('b', '"1"', '2147483648')} }`)
    await refused(ask, `mutation { a: ${make('a')} b: ${make('b', '"abc"')} }`)
    await refused(ask, `mutation { a: ${make('a')} b: ${make('b', '1.5')} }`)
    await refused(ask, `mutation ($p: Decimal!) { a: ${make('a')} b: ${make('b', '$p')} }`, { p: 'abc' })
    await refused(ask, `mutation ($s: Int) { a: ${make('a')} b: ${make('b', '"1"', '$s')} }`, { s: 2_147_483_648 })
    await refused(ask, `mutation { a: ${make('a')} b: ${make('b').replace('name: "A"', 'name: "A", name: "B"')} }`)
    assert.equal(await products(), before)
  })
}

async function products() {
  return (await call(server.url, '{ products(first: 1) { totalCount } }', {}, { token: server.staff })).products
    .totalCount
}

for (const [name, ask] of Object.entries(SUBSCRIPTIONS)) {
  test(`${name}: a subscription's root field may stand in fragments and be given in parts`, async () => {
    const order = await server.order((await server.customer()).token)
    const field = 'orderUpdates(orderId: $o)'
    const head = 'subscription ($o: ID!)'
    const both = { orderUpdates: { kind: 'SNAPSHOT', order: { number: order.number } } }
    const documents = [
      `${head} { ${field} { kind order { number } } }`,
      `${head} { ...F } fragment F on Subscription { ${field} { kind order { number } } }`,
      `${head} { ... { ${field} { kind order { number } } } }`,
      `${head} { ... on Subscription { ...F } } fragment F on Subscription { ...G ${field} { order { number } } } fragment G on Subscription { ${field} { kind } }`,
      `${head} { ${field} { kind } ${field} { order { number } } }`,
      `${head} { ${field} { kind } ...F } fragment F on Subscription { ${field} { ...G } } fragment G on OrderUpdate { order { number } }`,
    ]
    for (const document of documents) await gets(ask, document, both, { o: order.id })
    await gets(
      ask,
      `${head} { x: ${field} { ... @skip(if: true) { cursor } kind } }`,
      { x: { kind: 'SNAPSHOT' } },
      { o: order.id },
    )
    await gets(ask, `${head} { ${field} { cursor @skip(if: true) } }`, { orderUpdates: {} }, { o: order.id })
  })

  test(`${name}: a subscription with several root fields, an introspection field or a condition at its root is refused`, async () => {
    for (const document of [
      'subscription { orderUpdates { cursor } taskUpdates { cursor } }',
      'subscription { ...F } fragment F on Subscription { a: orderUpdates { cursor } b: orderUpdates { cursor } }',
      'subscription { __typename }',
      'subscription { orderUpdates @skip(if: true) { cursor } }',
      'subscription { orderUpdates @include(if: true) { cursor } }',
      'subscription { ... @skip(if: false) { orderUpdates { cursor } } }',
      'subscription { orderUpdates { nothing } }',
      'subscription { orderUpdates(after: "x") { cursor } }',
    ]) {
      await refused(ask, document)
    }
    await refused(
      ask,
      'subscription ($s: Boolean!) { ...F @skip(if: $s) } fragment F on Subscription { orderUpdates { cursor } }',
      { s: false },
    )
  })
}

for (const [name, ask] of Object.entries(QUERIES)) {
  test(`${name}: of many errors of fields 100 are told, and how many there are besides`, async () => {
    const { me } = await call(server.url, '{ me { id } }', {}, { token: server.staff })
    const aliases = Array.from({ length: 40 }, (_, number) => `a${number}: node(id: "${me.id}") { ...F }`)
    const document = `{ ${aliases.join(' ')} } fragment F on User { x: orders(first: -1) { totalCount } }`
    const several = document.replaceAll('node(id:', 'nodes(ids:').replaceAll(`"${me.id}"`, `["${`${me.id}","`.repeat(4)}"]`)
    const { errors = [] } = await send(ask, several)
    assert.equal(errors.length, 101)
    assert.equal(errors[100].message, 'There are 60 more errors.')
    assert.equal(errors[100].extensions.code, 'BAD_USER_INPUT')
  })

  test(`${name}: what is left out is missing, not null`, async () => {
    await gets(ask, '{ me { id @skip(if: true) } }', { me: {} })
    await gets(ask, '{ me @skip(if: true) { id } }', {})
    await gets(
      ask,
      '{ ...F ...G } fragment F on Query { me { email @skip(if: true) } } fragment G on Query { me { role } }',
      { me: { role: 'STAFF' } },
    )
    await gets(
      ask,
      '{ ...F ...G } fragment F on Query { me @skip(if: true) { email } } fragment G on Query { me { role } }',
      { me: { role: 'STAFF' } },
    )
  })

  test(`${name}: fields that can't be one field are refused`, async () => {
    const [a, b] = server.products
    const document = `query ($a: ID!, $b: ID!) { ...F ...G }
      fragment F on Query { product(id: $a) { name } } fragment G on Query { product(id: $b) { sku } }`
    await refused(ask, document, { a, b })
    await refused(ask, '{ me { x: orders(first: 1) { totalCount } } me { x: orders(first: 2) { nodes { id } } } }')
    await refused(
      ask,
      '{ ...F ...G } fragment F on Query { me { ... { x: orders(first: 1) { totalCount } } } } fragment G on Query { me { x: orders(first: 2) { totalCount } } }',
    )
    await refused(
      ask,
      document.replaceAll('$a)', '"prd_1")').replaceAll('$b)', '"prd_2")').replace('($a: ID!, $b: ID!)', ''),
    )
  })

  test(`${name}: __typename is validated like any field`, async () => {
    await gets(
      ask,
      'query ($v: Boolean!) { me { role __typename @include(if: $v) } }',
      { me: { role: 'STAFF', __typename: 'User' } },
      { v: true },
    )
    await gets(
      ask,
      'query ($v: Boolean!) { me { role __typename @include(if: $v) } }',
      { me: { role: 'STAFF' } },
      { v: false },
    )
    for (const document of [
      '{ __typename @nope }',
      '{ __typename(x: 1) }',
      '{ __typename { x } }',
      '{ __typename @skip }',
    ])
      await refused(ask, document)
  })

  test(`${name}: wrong literals, variables and directives are refused`, async () => {
    for (const document of [
      '{ products(filter: { status: "ACTIVE" }) { totalCount } }',
      '{ products(filter: { tag: "A", tag: "B" }) { totalCount } }',
      'query ($x: Boolean) { me { id @skip(if: $x) } }',
      '{ me { id @skip(if: false) @skip(if: false) } }',
      '{ products(first: 4000000000) { totalCount } }',
    ]) {
      await refused(ask, document)
    }
    await refused(ask, 'query ($n: Int) { products(first: $n) { totalCount } }', { n: 4_000_000_000 })
    await refused(ask, 'query ($s: ProductStatus) { products(filter: { status: $s }) { totalCount } }', { s: 'active' })
    await refused(ask, 'query ($f: ProductFilter) { products(filter: $f) { totalCount } }', { f: { nothing: 1 } })
  })

  test(`${name}: unusual ways to write numbers and strings are accepted`, async () => {
    const none = { products: { nodes: [] } }
    await gets(ask, '{ products(first: -0) { nodes { id } } }', none)
    await gets(
      ask,
      'query ($n: Int!) { products(first: $n) { nodes { sku } } }',
      { products: { nodes: [{ sku: 'cup' }] } },
      '{"n":1.0}',
    )
    await gets(ask, 'query ($n: Int!) { products(first: $n) { nodes { sku } } }', none, '{"n":-0}')
    const filter = (/** @type {string} */ sku) => `{ products(filter: { skus: ["tea", "${sku}"] }) { totalCount } }`
    await gets(ask, filter('\\u{1F381}'), { products: { totalCount: 1 } })
    await gets(ask, filter('\\uD83C\\uDF81'), { products: { totalCount: 1 } })
    await gets(ask, filter('\\u{74}ea'), { products: { totalCount: 1 } })
  })

  test(`${name}: keys come in the order in which they are collected`, async () => {
    const edges = [{ __typename: 'ProductEdge' }]
    await gets(
      ask,
      '{ products(first: 1) { ... @skip(if: true) { totalCount } edges { __typename } hasMore: __typename } }',
      { products: { edges, hasMore: 'ProductConnection' } },
    )
    const total = await products()
    await gets(ask, '{ products(first: 1) { ... @skip(if: true) { totalCount } edges { __typename } totalCount } }', {
      products: { edges, totalCount: total },
    })
    await gets(
      ask,
      '{ products(first: 1) { edges { __typename } ...F totalCount } } fragment F on ProductConnection { totalCount __typename edges { cursor @skip(if: true) } }',
      { products: { edges, totalCount: total, __typename: 'ProductConnection' } },
    )
  })
}
