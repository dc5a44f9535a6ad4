import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { run } from '../../tests/clients/lib/process.mjs'
import { TestServer } from '../../tests/clients/lib/server.mjs'
import { examples, signsIn } from './example.mjs'

/** @type {TestServer} */
let server
before(async () => {
  server = await TestServer.start()
})
after(() => server?.stop())

test('curl: the blocks of curl.md work from top to bottom', async () => {
  const page = readFileSync(join(examples, 'curl.md'), 'utf8')
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block)
  assert.ok(blocks.length > 0)
  const env = { ORDERWIRE_URL: `http://127.0.0.1:${server.port}`, ...signsIn(await server.admin()) }
  const output = await run('sh', ['-eu', '-c', blocks.join('\n')], { cwd: server.folder, env })
  const expected = [
    /"totalCount": 2/, // the query
    /"sku": "cup"/, // by GET
    /"userErrors": \[\],\s+"expiresAt": "20/, // login
    /"userErrors": \[\],\s+"expiresAt": "20/, // refreshSession
    /"scopes": \[\s+"READ_ORDERS",\s+"WRITE_ORDERS"\s+\]/, // createApiKey
    /"status":"PENDING".*"replayed":false,"userErrors":\[\]/, // placeOrder
    /"status":"PENDING".*"replayed":true,"userErrors":\[\]/,
    /"status": "CONFIRMED"/, // updateOrderStatus
    /event: next\nid: c\w+\ndata: .*"kind":"STATUS_CHANGED","previousStatus":"PENDING"/, // the stream
    /"code": "VERSION_MISMATCH"/, // errors
    /BAD_USER_INPUT.*\nHTTP 400\n/,
    /UNAUTHENTICATED.*\nHTTP 401\n/,
    /BAD_USER_INPUT.*\nHTTP 405\n/,
    /"prefix": "owk_/, // revokeApiKey
    /API key is not valid.*\nHTTP 401\n/,
  ]
  let rest = output
  for (const pattern of expected) {
    const found = pattern.exec(rest)
    assert.ok(found, `${pattern} is not in ${rest}\nAll of it:\n${output}`)
    rest = rest.slice(found.index + found[0].length)
  }
  assert.doesNotMatch(output, /"SNAPSHOT"|owk_\w{10}/)
})
