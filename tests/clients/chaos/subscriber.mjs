import { transports } from '../transports/index.mjs'
import { time } from './history.mjs'

const FIELDS = 'cursor kind previousStatus order { id version status number total { amount currencyCode } }'
const WIDE_FIELDS = `${FIELDS} occurredAt
  order { history { from to actor { id name } } items { quantity product { sku stock } } customer { id name } }`

/** @param {string} fields */
function query(fields) {
  return `subscription Updates($orderId: ID, $customerId: ID, $after: EventCursor) {
    orderUpdates(orderId: $orderId, customerId: $customerId, after: $after) { ${fields} }
  }`
}

/** What a refusal may say while something is down, or a token has expired. The client tries again. */
const PASSING = ['UNAVAILABLE', 'UNAUTHENTICATED']

/**
 * What all subscribers share.
 *
 * @typedef {object} World
 * @property {() => string} anyNode URL of one of the nodes.
 * @property {import('./cursors.mjs').Cursors} cursors
 * @property {import('./sabotage.mjs').Sabotage} sabotage
 * @property {import('./tally.mjs').Tally} tally
 * @property {string} start Cursor after which all subscribers begin.
 * @property {import('./writers.mjs').Lives} lives Orders that are on their way.
 */

/** Somebody who watches, over one connection after the other, and keeps the last cursor. */
export class Subscriber {
  /** @type {import('./verify.mjs').Stream[]} */
  streams = []
  /** @type {import('./verify.mjs').Stream | undefined} */
  #stream
  /** @type {string | undefined} */
  #cursor
  /** @type {(() => void) | undefined} */
  #stop
  /** @type {NodeJS.Timeout | undefined} */
  #timer
  #stopped = false
  #connections = 0

  /**
   * @param {object} who
   * @param {string} who.name
   * @param {string} who.transport
   * @param {import('./people.mjs').Person} who.person
   * @param {'all' | 'customer' | 'order'} who.watches
   * @param {string} [who.customerId] Whose orders, for staff who watch one customer's.
   * @param {boolean} who.wide Whether it wants to know much.
   * @param {boolean} who.fromNow Whether it begins with what happens from now on.
   * @param {import('../lib/random.mjs').Random} random
   * @param {World} world
   */
  constructor(who, random, world) {
    this.who = who
    this.random = random
    this.world = world
  }

  start() {
    if (this.who.watches === 'order') this.#follow()
    else {
      const { name, person, fromNow } = this.who
      const customerId = person.role === 'customer' ? person.id : this.who.customerId
      const after = fromNow ? undefined : this.world.cursors.placeOf(this.world.start)
      this.#begin({ name, customerId, after, deliveries: [], connections: [] })
      if (!fromNow) this.#cursor = this.world.start
    }
  }

  stop() {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#stop?.()
  }

  /**
   * Whether its present stream has got all that it is to get.
   *
   * @param {import('./verify.mjs').OrderLog} log
   */
  hasCaughtUp(log) {
    const stream = this.#stream
    const last = stream && log.expected(stream).at(-1)?.seq
    return last === undefined || stream?.deliveries.some(({ seq }) => seq === last)
  }

  /** Watches one order until it has reached its end, then another. */
  #follow() {
    if (this.#stopped) return
    const { person, name } = this.who
    const life = this.world.lives.pick(this.random, person.role === 'customer' ? person.id : undefined)
    if (!life) {
      this.#timer = setTimeout(() => this.#follow(), 100)
      return
    }
    this.#cursor = undefined
    this.#begin({ name: `${name}, ${life.id}`, orderId: life.id, deliveries: [], connections: [] })
  }

  /** @param {import('./verify.mjs').Stream} stream */
  #begin(stream) {
    this.#stream = stream
    this.streams.push(stream)
    this.#connect()
  }

  async #connect() {
    const { person, transport, wide, customerId } = this.who
    const token = await person.token()
    const stream = this.#stream
    if (this.#stopped || !stream) return
    const connection = ++this.#connections
    const url = this.world.anyNode()
    /** @type {import('./verify.mjs').Connection} */
    const record = { at: Date.now(), url, after: this.#cursor === undefined ? undefined : this.world.cursors.placeOf(this.#cursor) }
    stream.connections.push(record)
    const variables = {
      orderId: stream.orderId,
      customerId: person.role === 'staff' ? customerId : undefined,
      after: this.#cursor && this.world.sabotage.cursor(this.#cursor),
    }
    const open = transports[transport]
    this.#stop = open?.({
      url,
      token,
      query: query(wide ? WIDE_FIELDS : FIELDS),
      variables,
      next: ({ orderUpdates }) => {
        if (connection === this.#connections) this.#take(stream, orderUpdates)
      },
      end: (end) => {
        if (connection === this.#connections) this.#again(end, record)
      },
    })
  }

  /**
   * @param {import('./verify.mjs').Stream} stream
   * @param {any} update
   */
  #take(stream, { cursor, kind, previousStatus, order: { id, version, status } }) {
    const delivery = { seq: this.world.cursors.placeOf(cursor), at: Date.now(), kind, id, version, status, previousStatus }
    this.#cursor = cursor
    if (kind === 'SNAPSHOT') {
      if (stream.snapshot) this.world.tally.problem(`${stream.name}: a second snapshot`)
      stream.snapshot = delivery
    } else {
      this.world.tally.deliveries += 1
      this.world.sabotage.record(stream.deliveries, delivery)
    }
    if (stream.orderId !== undefined && this.world.lives.isOver(id, status)) {
      this.#connections += 1
      this.#stop?.()
      this.#stream = undefined
      this.#follow()
    }
  }

  /**
   * @param {import('../transports/opening.mjs').End} end
   * @param {import('./verify.mjs').Connection} connection
   */
  #again({ how, errors, code, reason }, connection) {
    const { tally } = this.world
    const [error] = errors ?? []
    const refusal = error && String(error.extensions?.code)
    const why = refusal ?? (how === 'completed' ? how : `${code ?? reason}`)
    tally.ends.add(why)
    connection.end = `at ${time(Date.now())}: ${why}`
    tally.reconnects += 1
    if (refusal && !PASSING.includes(refusal)) tally.problem(`${this.who.name} was refused: ${refusal}: ${error.message}`)
    if (how === 'completed') tally.problem(`${this.who.name}: the server completed the subscription`)
    // After a goodbye it reconnects at once; after a failure with jitter, so that not all come back at the same moment.
    const isGoodbye = code === 1001 || code === 4403
    this.#timer = setTimeout(() => this.#connect(), isGoodbye ? 0 : this.random.between(50, 1_000))
  }
}
