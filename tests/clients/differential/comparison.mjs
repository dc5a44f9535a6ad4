// Sends a request to the server and compares what happens with what the reference implementation says.
import { after, before } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { bearer } from '../lib/api.mjs'
import { effect } from './effects.mjs'
import { refusal, replay } from './reference.mjs'
import { Socket } from './socket.mjs'
import { World } from './world.mjs'

/**
 * @typedef {import('./documents.mjs').Request} Request
 * @typedef {'query' | 'mutation' | 'subscription'} Kind
 *
 * @typedef {object} Case
 * @property {Kind} kind
 * @property {Request} request
 * @property {number} viewer Index in `World.viewers`.
 * @property {boolean} intact Whether nothing was done to break it, so that each mutation in it succeeds.
 *
 * @typedef {object} Outcome
 * @property {'executed' | 'refused' | 'limit'} verdict What the server did.
 * @property {string} [problem] In what server and reference disagree.
 * @property {unknown} answer
 * @property {string} [reference] Why the reference refuses the request.
 */

/**
 * Starts a server before the tests of a file and stops it after them.
 *
 * @param {import('graphql').GraphQLSchema} schema
 * @returns {{ comparison: Comparison }}
 */
export function startComparison(schema) {
  const tested = /** @type {{ comparison: Comparison }} */ ({})
  before(async () => {
    tested.comparison = new Comparison(schema, await World.start())
  })
  after(async () => {
    tested.comparison?.close()
    await tested.comparison?.world.stop()
  })
  return tested
}

const LIMITS = ['QUERY_TOO_COMPLEX', 'RATE_LIMITED']

/** Compares one server with the reference. */
export class Comparison {
  /** What answers said so far, while nothing changed: viewer, object and field, and the value. @type {Map<string, string>} */
  #facts = new Map()
  /** @type {Socket | undefined} */
  #socket

  /**
   * @param {import('graphql').GraphQLSchema} schema
   * @param {import('./world.mjs').World} world
   */
  constructor(schema, world) {
    this.schema = schema
    this.world = world
  }

  /**
   * @param {Case} one
   * @returns {Promise<Outcome>}
   */
  async run(one) {
    if (one.kind === 'subscription') return this.#subscription(one)
    if (one.kind === 'mutation') return this.#mutation(one)
    const { outcome, facts } = await this.#post(one)
    for (const { object, field, value } of outcome.problem ? [] : facts) {
      const name = `${one.viewer} ${object} ${field}`
      const known = this.#facts.get(name) ?? value
      if (known !== value) outcome.problem = `${object} has two values of ${field}: ${known} and ${value}`
      else this.#facts.set(name, value)
    }
    return outcome
  }

  /** @param {Case} one */
  async #post({ request, viewer }) {
    const { query, variables, operationName } = request
    const name = operationName === undefined ? '' : `,"operationName":${JSON.stringify(operationName)}`
    const response = await fetch(this.world.server.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        ...bearer(this.world.viewers[viewer]),
      },
      body: `{"query":${JSON.stringify(query)},"variables":${variables}${name}}`,
      signal: AbortSignal.timeout(30_000),
    })
    const answer = await response.json()
    const outcome = this.#judge(request, answer)
    const expected = outcome.verdict === 'refused' ? 400 : 200
    if (!outcome.problem && outcome.verdict !== 'limit' && response.status !== expected)
      outcome.problem = `status ${response.status} instead of ${expected}`
    return { outcome, ...this.#replay(request, answer, outcome) }
  }

  /**
   * Whether server and reference agree on the validity of a request.
   *
   * @param {Request} request
   * @param {any} answer
   * @returns {Outcome}
   */
  #judge(request, answer) {
    const reference = refusal(this.schema, request)
    const refused = !('data' in answer)
    const limit = answer.errors?.some((/** @type {any} */ { extensions }) => LIMITS.includes(extensions?.code))
    /** @type {Outcome} */
    const outcome = {
      verdict: limit ? 'limit' : refused ? 'refused' : 'executed',
      answer,
      ...(reference === undefined ? {} : { reference }),
    }
    if (limit || refused === (reference !== undefined)) return outcome
    outcome.problem = refused ? 'the server refuses a valid request' : 'the server executes an invalid request'
    return outcome
  }

  /**
   * @param {Request} request
   * @param {any} answer
   * @param {Outcome} outcome Takes the problem if there is one.
   */
  #replay(request, answer, outcome) {
    if (outcome.problem || outcome.verdict !== 'executed') return { facts: [], calls: [] }
    const { problems, facts, calls } = replay(this.schema, request, answer)
    if (problems.length > 0) outcome.problem = problems.join('\n')
    return { facts, calls }
  }

  /** @param {Case} one */
  async #mutation(one) {
    const before = await this.world.counts()
    const { outcome, facts, calls } = await this.#post(one)
    const after = await this.world.counts()
    if (outcome.problem) return outcome
    if (outcome.verdict !== 'executed') {
      if (!isDeepStrictEqual(before, after))
        outcome.problem = `a refused request changed something: ${JSON.stringify({ before, after })}`
    } else if (one.intact) {
      const { expected, problem } = effect(before, calls, facts)
      if (problem) outcome.problem = problem
      else if (!isDeepStrictEqual(expected, after))
        outcome.problem = `${JSON.stringify(calls.map(({ field }) => field))} from ${JSON.stringify(before)}\nexpected ${JSON.stringify(expected)}\nfound    ${JSON.stringify(after)}`
    }
    return outcome
  }

  /**
   * @param {Case} one
   * @returns {Promise<Outcome>}
   */
  async #subscription({ request, viewer, intact }) {
    this.#socket ??= await Socket.open(this.world.server.url, this.world.viewers[viewer])
    const operation = this.#socket.start(request)
    try {
      const first = await operation.next(intact ? undefined : 1_000)
      // What was broken may be valid and watch something that begins with no state.
      if (!first && !intact && refusal(this.schema, request) === undefined)
        return { verdict: 'executed', answer: undefined }
      if (!first) return { verdict: 'executed', answer: undefined, problem: 'neither an update nor a refusal' }
      const answer = first.type === 'error' ? { errors: first.payload } : first.payload
      if (first.type === 'complete') return { verdict: 'executed', answer: first, problem: 'it ends without an update' }
      const outcome = this.#judge(request, answer)
      // Validation knows no path: it is the subscription that could not begin, for a reason of its own.
      if (outcome.reference === undefined && answer.errors?.every((/** @type {any} */ { path }) => path))
        return { verdict: 'executed', answer }
      this.#replay(request, answer, outcome)
      if (outcome.problem || outcome.verdict !== 'executed' || !/^.*stockUpdates/s.test(request.query)) return outcome
      await this.world.touchProducts()
      const next = await operation.next()
      outcome.answer = next
      if (next?.type === 'next') this.#replay(request, next.payload, outcome)
      else outcome.problem = 'a change brings no update'
      return outcome
    } finally {
      operation.stop()
    }
  }

  close() {
    this.#socket?.close()
  }
}
