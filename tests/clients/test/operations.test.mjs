// Operations made up from the schema, valid and broken: the server answers each of them, soon, and with no fault of its
// own. More of them, or the ones of a failure again: OPERATIONS=20000 SEED=7 node --test test/operations.test.mjs
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { buildSchema } from 'graphql'
import { Operations } from '../lib/operations.mjs'
import { bearer, signIn } from '../lib/api.mjs'
import { TestServer, createUser } from '../lib/server.mjs'

const count = Number(process.env.OPERATIONS ?? 600)
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
const AT_ONCE = 8

/** @type {TestServer} */
let server
/** @type {string[]} */
const ids = []
/** @type {(string | undefined)[]} Nobody, somebody, staff. */
const tokens = [undefined]
const people = ['customer', 'staff'].map((name) => ({ email: `fuzz-${name}@example.com`, password: 'correct horse' }))

before(async () => {
  // The made-up operations try wrong passwords, too, and ask for much.
  const limits = ['CUSTOMER_COST', 'STAFF_COST', 'SIGN_INS_PER_ACCOUNT']
  server = await TestServer.start(Object.fromEntries(limits.map((limit) => [`ORDERWIRE_RATE_LIMITS_${limit}`, 'off'])))
  for (const [index, role] of /** @type {const} */ (['customer', 'staff']).entries()) {
    const person = /** @type {{ email: string, password: string }} */ (people[index])
    await createUser({ ...person, role }, { cwd: server.folder, env: server.env })
    const { accessToken, user } = await signIn(server.url, person)
    tokens.push(accessToken)
    ids.push(user.id, (await server.order(accessToken)).id)
  }
  ids.push(...server.products)
})
after(() => server?.stop())

test(`made-up operations: ${count} from seed ${seed}`, { timeout: 60_000 + count * 100 }, async () => {
  const schema = buildSchema(readFileSync(join(import.meta.dirname, '../../../schema.graphql'), 'utf8'))
  const operations = new Operations(schema, seed, ids)
  /** @type {Record<string, number>} */
  const statuses = {}
  let number = 0
  const worker = async () => {
    while (number < count) {
      number += 1
      const valid = number % 2 === 0
      const body = valid ? operations.valid() : operations.broken()
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      const status = await check(text, valid, number % tokens.length).catch((error) => {
        throw new Error(`seed ${seed}, operation ${number}: ${error.message}\n${text}`)
      })
      const key = `${valid ? 'valid' : 'broken'} ${status}`
      statuses[key] = (statuses[key] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  console.log(`seed ${seed}: ${JSON.stringify(statuses)}`)
  assert.ok(statuses['valid 200'] && statuses['broken 400'], 'both kinds are among them')
  assert.equal(server.program?.exit, undefined, 'the server runs on')
  const faults = readFileSync(server.log, 'utf8').split('\n').filter((line) => /panick|\bERROR\b/.test(line))
  assert.deepEqual(faults, [])
})

/**
 * @param {string} body
 * @param {boolean} valid
 * @param {number} who
 * @returns {Promise<number>} The status.
 */
async function check(body, valid, who) {
  const response = await fetch(server.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json',
      ...bearer(tokens[who]),
    },
    body,
    signal: AbortSignal.timeout(20_000),
  })
  const { data, errors = [] } = await response.json()
  const codes = errors.map((/** @type {import('../lib/api.mjs').GraphqlError} */ error) => error.extensions?.code)
  const told = `${response.status} ${JSON.stringify(errors)}`
  assert.ok(response.status < 500 && !codes.includes('INTERNAL') && !codes.includes('UNAVAILABLE'), told)
  assert.ok(data !== undefined || errors.length > 0, told)
  const person = people[who - 1]
  if (response.status === 401 && person) {
    // It was signed out by one of the operations.
    tokens[who] = (await signIn(server.url, person)).accessToken
  } else if (valid && response.status !== 200) {
    assert.deepEqual([response.status, codes[0]], [400, 'QUERY_TOO_COMPLEX'], told)
  }
  return response.status
}
