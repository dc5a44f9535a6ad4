// Made-up operations, half of them broken on purpose: the server agrees with graphql-js on which are valid, on the keys
// of each object and their order, and on null. The seed is fixed; `scripts/fuzz differential` sends more.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../lib/random.mjs'
import { BREAKERS, breakRequest } from './breakers.mjs'
import { startComparison } from './comparison.mjs'
import { DocumentMaker } from './documents.mjs'
import { loadSchema } from './schema.mjs'
import { shrink } from './shrink.mjs'

const count = Number(process.env.OPERATIONS ?? 2000)
const seed = Number(process.env.SEED ?? 1)
/** How many disagreements of a kind are reported with a small document; the rest is only counted. */
const REPORTED = Number(process.env.REPORTED ?? 3)
/** The number of one operation, to send it alone. */
const only = Number(process.env.ONLY ?? 0)
const AT_ONCE = 8
/** Of the operations these many are queries and mutations; the rest are subscriptions. */
const [QUERIES, MUTATIONS] = [0.75, 0.17]

const schema = loadSchema()
const tested = startComparison(schema)

test(
  `${count} operations from seed ${seed} get from the server what graphql-js says`,
  { timeout: 120_000 + count * 200 },
  async () => {
    /** @type {Record<string, number>} */
    const verdicts = {}
    /** @type {Record<string, number>} */
    const disagreements = {}
    /** @type {Map<string, string[]>} */
    const reports = new Map()
    /** @param {number} number */
    const check = async (number) => {
      const { breaker, ...one } = makeCase(number)
      const outcome = await tested.comparison.run(one).catch((error) => {
        throw new Error(`seed ${seed}, operation ${number}: ${error.stack}\n${JSON.stringify(one.request)}`)
      })
      const verdict = `${one.kind} ${outcome.verdict}`
      verdicts[verdict] = (verdicts[verdict] ?? 0) + 1
      if (!outcome.problem) return
      disagreements[breaker] = (disagreements[breaker] ?? 0) + 1
      const kind = `${one.kind}: ${problemKind(outcome.problem)}`
      const known = reports.get(kind) ?? []
      reports.set(kind, known)
      const place = known.push('') - 1
      known[place] =
        place < REPORTED
          ? await report(number, one, outcome)
          : `operation ${number}: ${outcome.problem} ${outcome.reference ?? ''}`
    }
    if (only) await check(only)
    const [queries, mutations] = only
      ? [0, 0]
      : [Math.floor(count * QUERIES), Math.floor(count * (QUERIES + MUTATIONS))]
    let started = 0
    const worker = async () => {
      while (started < queries) await check((started += 1))
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    for (let number = queries + 1; number <= mutations; number += 1) await check(number)
    for (let number = mutations + 1; !only && number <= count; number += 1) await check(number)

    const total = Object.values(disagreements).reduce((sum, times) => sum + times, 0)
    console.log(`seed ${seed}: ${JSON.stringify(verdicts)}, ${total} disagreements ${JSON.stringify(disagreements)}`)
    assert.ok((verdicts['query limit'] ?? 0) < count / 100, 'limits refuse few of the operations')
    assert.equal(total, 0, `${total} of ${count} operations disagree\n\n${[...reports.values()].flat().join('\n\n')}`)
    for (const kind of only ? [] : ['query', 'mutation', 'subscription']) {
      for (const verdict of ['executed', 'refused'])
        assert.ok(verdicts[`${kind} ${verdict}`], `no ${kind} was ${verdict}`)
    }
  },
)

/**
 * The operation of this number, the same for the same seed.
 *
 * @param {number} number
 * @returns {import('./comparison.mjs').Case & { breaker: string }}
 */
function makeCase(number) {
  const random = new Random(seed * 1_000_003 + number)
  const kind =
    number <= count * QUERIES ? 'query' : number <= count * (QUERIES + MUTATIONS) ? 'mutation' : 'subscription'
  const viewer = kind === 'query' && random.chance(0.3) ? 1 + (number % 2) : 0
  let request = new DocumentMaker(schema, random, tested.comparison.world.entities, kind).make()
  const broken = number % 2 === 1
  let breaker = broken ? /** @type {string} */ (BREAKERS[(number >> 1) % BREAKERS.length]) : 'none'
  for (let tries = 0; broken && tries < 5; tries += 1) {
    const result = breakRequest(breaker, request, random)
    if (result) {
      request = result
      break
    }
    breaker = random.pick(BREAKERS)
  }
  return { kind, viewer, request, intact: !broken, breaker }
}

/**
 * Describes a disagreement with a document that is as small as possible.
 *
 * @param {number} number
 * @param {import('./comparison.mjs').Case} one
 * @param {import('./comparison.mjs').Outcome} found
 */
async function report(number, one, found) {
  const kind = problemKind(found.problem)
  const run = (/** @type {import('./documents.mjs').Request} */ request) =>
    tested.comparison.run({ ...one, request: tested.comparison.world.entities.renamed(request) })
  const same = async (/** @type {import('./documents.mjs').Request} */ request) =>
    problemKind((await run(request).catch(() => undefined))?.problem) === kind
  // What a mutation changes is only known for values that it accepts.
  const request = await shrink(one.request, same, { values: !(one.intact && one.kind === 'mutation') })
  const outcome = await run(request)
  const { problem = found.problem, answer, reference } = outcome
  return [
    `seed ${seed}, operation ${number}: ${problem}`,
    `query      ${request.query}`,
    `variables  ${request.variables}${request.operationName === undefined ? '' : `, operationName ${JSON.stringify(request.operationName)}`}`,
    `server     ${JSON.stringify(answer)?.slice(0, 1000)}`,
    `reference  ${reference ?? 'valid'}`,
  ].join('\n')
}

/** What kind of problem it is: a smaller document has to show the same. @param {string | undefined} problem */
function problemKind(problem) {
  return problem?.replace(/\S*\d\S*/g, '').slice(0, 40)
}
