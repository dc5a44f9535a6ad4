// Errors suggest names and introspection shows the schema in development, and not in production, over every transport.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { TestServer } from '../lib/server.mjs'

/** @type {[string, Record<string, unknown>?][]} Operations with a name that is nearly right. */
const NEARLY = [
  ['{ products { nodess { id } } }'],
  ['{ products(firs: 1) { nodes { id } } }'],
  ['{ node(id: "prd_1") { ... on Produkt { id } } }'],
  ['{ products(orderBy: { field: NAM, direction: ASC }) { nodes { id } } }'],
  ['{ products(filter: { statu: ACTIVE }) { nodes { id } } }'],
  ['query ($filter: ProductFilter) { products(filter: $filter) { nodes { id } } }', { filter: { statu: 'ACTIVE' } }],
  ['query ($filter: ProductFilterr) { products(filter: $filter) { nodes { id } } }'],
  ['mutation { logou { userErrors { code } } }'],
  ['subscription { orderUpdate { cursor } }'],
]

/** @type {Record<string, (url: string, query: string, variables: object | undefined) => Promise<string>>} */
const WAYS = {
  async POST(url, query, variables) {
    return post(url, query, variables, 'application/json')
  },
  async 'POST, by status'(url, query, variables) {
    return post(url, query, variables, 'application/graphql-response+json')
  },
  async GET(url, query, variables = {}) {
    const parameters = new URLSearchParams({ query, variables: JSON.stringify(variables) })
    return (await fetch(`${url}?${parameters}`)).text()
  },
  async events(url, query, variables) {
    return post(url, query, variables, 'text/event-stream')
  },
  async multipart(url, query, variables) {
    return post(url, query, variables, 'multipart/mixed;subscriptionSpec=1.0')
  },
  async WebSocket(url, query, variables = {}) {
    const client = createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0 })
    try {
      const { value } = await client.iterate({ query, variables: { ...variables } }).next()
      return JSON.stringify(value)
    } catch (errors) {
      return JSON.stringify(errors)
    } finally {
      await client.dispose()
    }
  },
}

/**
 * @param {string} url
 * @param {string} query
 * @param {object | undefined} variables
 * @param {string} accept
 */
async function post(url, query, variables, accept) {
  const headers = { 'content-type': 'application/json', accept }
  return (await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) })).text()
}

for (const [environment, tells] of /** @type {const} */ ([['development', true], ['production', false]])) {
  test(`${environment}: names are ${tells ? '' : 'not '}suggested`, async () => {
    const server = await TestServer.start({ ORDERWIRE_ENV: environment })
    try {
      for (const [way, ask] of Object.entries(WAYS)) {
        let suggested = 0
        for (const [query, variables] of NEARLY) {
          const answer = await ask(server.url, query, variables)
          assert.match(answer, /"message":/, `${way}: ${query}: ${answer}`)
          if (/did you mean/i.test(answer)) suggested += 1
          if (!tells) assert.doesNotMatch(answer, /did you mean/i, `${way}: ${query}`)
        }
        assert.equal(suggested > 0, tells, way)
        const schema = await ask(server.url, '{ __typename __schema { types { name } } __type(name: "Order") { name } }', {})
        assert.equal(schema.includes('OrderConnection'), tells, `${way}: ${schema}`)
      }
    } finally {
      await server.stop()
    }
  })
}
