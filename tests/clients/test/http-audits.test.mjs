// The audits of the GraphQL over HTTP specification, each MUST, SHOULD and MAY of them:
// https://github.com/graphql/graphql-http#audits
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serverAudits } from 'graphql-http'
import { TestServer } from '../lib/server.mjs'

test('GraphQL over HTTP: every audit passes', async (t) => {
  const server = await TestServer.start()
  try {
    const audits = serverAudits({ url: server.url, fetchFn: fetch })
    assert.ok(audits.length >= 61, `${audits.length} audits`)
    for (const { id, name, fn } of audits) {
      await t.test(`${id}: ${name}`, async () => {
        const result = await fn()
        assert.equal(result.status, 'ok', 'reason' in result ? result.reason : undefined)
      })
    }
  } finally {
    await server.stop()
  }
})
