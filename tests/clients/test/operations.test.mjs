// Random operations generated from the schema, valid and broken: the server answers each of them in time and without an
// internal error. The seed is fixed; `scripts/fuzz operations` runs more of them with a new seed each time.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { buildSchema } from 'graphql'
import { Operations } from '../lib/operations.mjs'
import { bearer, signIn } from '../lib/api.mjs'
import { TestServer, createUser } from '../lib/server.mjs'

const count = Number(process.env.OPERATIONS ?? 600)
const seed = Number(process.env.SEED ?? 1)
const AT_ONCE = 8

/** @type {TestServer} */
let server
/** @type {string[]} */
const ids = []

/** A role whose requests carry the token of an account that is replaced when its session has ended. */
class Caller {
  /** @type {Promise<{ token: string, id: string }>} */
  account
  #accounts = 0

  /** @param {'customer' | 'staff'} role */
  constructor(role) {
    this.role = role
    this.account = this.#create()
  }

  /**
   * Replaces the account. An operation can change the e-mail address and password of the old one or sign it out;
   * none can touch an account that does not exist yet.
   *
   * @param {string} token The one that was refused; another request may have replaced it already.
   */
  async replace(token) {
    if ((await this.account).token === token) this.account = this.#create()
    await this.account
  }

  async #create() {
    this.#accounts += 1
    const person = { email: `operations-${this.role}-${this.#accounts}@example.com`, password: 'correct horse' }
    await createUser({ ...person, role: this.role }, { cwd: server.folder, env: server.env })
    const { accessToken, user } = await signIn(server.url, person)
    return { token: accessToken, id: user.id }
  }
}

/** Who sends the operations, in turn; nobody is signed in for the first. @type {(Caller | undefined)[]} */
const callers = [undefined]

before(async () => {
  // The operations include wrong passwords and expensive queries.
  const limits = ['CUSTOMER_COST', 'STAFF_COST', 'SIGN_INS_PER_ACCOUNT']
  server = await TestServer.start(Object.fromEntries(limits.map((limit) => [`ORDERWIRE_RATE_LIMITS_${limit}`, 'off'])))
  for (const role of /** @type {const} */ (['customer', 'staff'])) {
    const caller = new Caller(role)
    callers.push(caller)
    const { token, id } = await caller.account
    ids.push(id, (await server.order(token)).id)
  }
  ids.push(...server.products)
})
after(() => server?.stop())

test(`${count} random operations from seed ${seed} are answered`, { timeout: 120_000 + count * 200 }, async () => {
  const schema = buildSchema(readFileSync(join(import.meta.dirname, '../../../schema.graphql'), 'utf8'))
  const operations = new Operations(schema, seed, ids)
  /** @type {Record<string, number>} */
  const statuses = {}
  let started = 0
  const worker = async () => {
    while (started < count) {
      started += 1
      const number = started
      const valid = number % 2 === 0
      const body = valid ? operations.valid() : operations.broken()
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      const status = await check(text, valid, callers[number % callers.length]).catch((error) => {
        throw new Error(`seed ${seed}, operation ${number}: ${error.message}\n${text}`)
      })
      const key = `${valid ? 'valid' : 'broken'} ${status}`
      statuses[key] = (statuses[key] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  console.log(`seed ${seed}: ${JSON.stringify(statuses)}`)
  assert.ok(statuses['valid 200'] && statuses['broken 400'], 'both kinds are among them')
  assert.equal(server.program?.exit, undefined, 'the server is still running')
  const faults = readFileSync(server.log, 'utf8').split('\n').filter((line) => /panick|\bERROR\b/.test(line))
  assert.deepEqual(faults, [])
})

/**
 * Sends an operation and checks the answer.
 *
 * @param {string} body
 * @param {boolean} valid Whether it is valid by the schema.
 * @param {Caller | undefined} caller
 * @returns {Promise<number>} The status.
 */
async function check(body, valid, caller) {
  const token = (await caller?.account)?.token
  const response = await fetch(server.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json',
      ...bearer(token),
    },
    body,
    signal: AbortSignal.timeout(30_000),
  })
  const { data, errors = [] } = await response.json()
  const codes = errors.map((/** @type {import('../lib/api.mjs').GraphqlError} */ error) => error.extensions?.code)
  const answer = `${response.status} ${JSON.stringify(errors)}`
  assert.ok(response.status < 500 && !codes.includes('INTERNAL') && !codes.includes('UNAVAILABLE'), answer)
  assert.ok(data !== undefined || errors.length > 0, answer)
  if (response.status === 401 && caller && token) {
    await caller.replace(token)
  } else if (valid && response.status !== 200) {
    assert.deepEqual([response.status, codes[0]], [400, 'QUERY_TOO_COMPLEX'], answer)
  }
  return response.status
}
