// Documents that are known by their hash, with Apollo's link: https://www.apollographql.com/docs/react/api/link/persisted-queries
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client'
import { CombinedGraphQLErrors } from '@apollo/client/errors'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { print } from 'graphql'
import { TestServer } from '../lib/server.mjs'

const QUERY = gql`
  query Products($first: Int!) {
    products(first: $first) {
      nodes {
        sku
      }
    }
  }
`

/** @param {string} text */
const sha256 = (text) => createHash('sha256').update(text).digest('hex')

/**
 * A client, and what it sent.
 *
 * @param {string} url
 */
function clientOf(url) {
  /** @type {string[]} */
  const sent = []
  const http = new HttpLink({
    uri: url,
    fetch: (to, options) => {
      const hasDocument = options?.method === 'POST' ? String(options.body).includes('"query"') : String(to).includes('query=')
      sent.push(`${options?.method} ${hasDocument ? 'document' : 'hash'}`)
      return fetch(to, options)
    },
  })
  const link = new PersistedQueryLink({ sha256, useGETForHashedQueries: true }).concat(http)
  return { client: new ApolloClient({ link, cache: new InMemoryCache() }), sent }
}

/** @type {TestServer} */
let server
before(async () => {
  server = await TestServer.start()
})
after(() => server?.stop())

test('Apollo: a document is sent once, by its first client; after that its hash is enough', async () => {
  const ask = { query: QUERY, variables: { first: 1 }, fetchPolicy: /** @type {const} */ ('network-only') }
  const first = clientOf(server.url)
  const { data } = await first.client.query(ask)
  assert.deepEqual(data, await first.client.query(ask).then((again) => again.data))
  assert.deepEqual(first.sent, ['GET hash', 'POST document', 'GET hash'])
  const second = clientOf(server.url)
  await second.client.query(ask)
  assert.deepEqual(second.sent, ['GET hash'])
})

test('Apollo: with a manifest its operations run by their hash, and others do not', async () => {
  const body = print(new InMemoryCache().transformDocument(QUERY))
  const operations = [{ id: sha256(body), body, name: 'Products', type: 'query' }]
  const closed = await TestServer.start()
  try {
    const manifest = join(closed.folder, 'manifest.json')
    await writeFile(manifest, JSON.stringify({ format: 'apollo-persisted-query-manifest', version: 1, operations }))
    await closed.restart({ ORDERWIRE_OPERATIONS_MANIFEST: manifest })
    const { client, sent } = clientOf(closed.url)
    await client.query({ query: QUERY, variables: { first: 1 } })
    assert.deepEqual(sent, ['GET hash'])
    const other = client.query({ query: gql`query Me { me { id } }` })
    await assert.rejects(other, (error) => CombinedGraphQLErrors.is(error) && error.errors[0]?.extensions?.['code'] === 'FORBIDDEN')
  } finally {
    await closed.stop()
  }
})
