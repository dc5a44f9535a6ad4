import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { mutate } from '../../tests/clients/lib/api.mjs'
import { TestServer } from '../../tests/clients/lib/server.mjs'
import { Example, python } from './example.mjs'
import { apiKey, ordersExample } from './orders.mjs'

const command = { folder: 'python', program: python, args: ['orders.py'] }

ordersExample('gql', command, apiKey)

/** @type {TestServer} */
let server
before(async () => {
  server = await TestServer.start()
})
after(() => server?.stop())

/** @param {string[]} scopes */
async function start(scopes) {
  const key = await server.apiKey(scopes)
  const credentials = { ORDERWIRE_API_KEY: key.secret }
  return { key, example: await Example.start(command, { server: server.url.replace('/graphql', ''), credentials }) }
}

test('gql: an API key that is revoked is reported and ends the program', async () => {
  const { key, example } = await start(['READ_ORDERS', 'WRITE_ORDERS'])
  try {
    await example.until(1)
    const { token } = key.creator
    await mutate(server.url, 'revokeApiKey', 'RevokeApiKeyInput', { id: key.id }, '', { token })
    assert.equal((await example.end()).code, 1)
    assert.match(example.output, /API key[^\n]*revoked[^\n]*\n$/)
  } finally {
    await example.stop()
  }
})

test('gql: an API key without the scopes is told which one it lacks', async () => {
  for (const [scope, lacking] of [['READ_ORDERS', 'WRITE_ORDERS'], ['WRITE_ORDERS', 'READ_ORDERS']]) {
    const { example } = await start([String(scope)])
    try {
      assert.equal((await example.end()).code, 1)
      assert.match(example.output, new RegExp(`lacks the scope ${lacking}`))
    } finally {
      await example.stop()
    }
  }
})
