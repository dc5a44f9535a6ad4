import { Refusal, mutate } from '../lib/api.mjs'
import { sleep, until } from '../lib/wait.mjs'
import { isRecorded } from './log.mjs'

/** How long a call may take before it is given up and repeated, in milliseconds: longer than the server tries. */
const CALL = 15_000
/** How long a write may go unacknowledged, in milliseconds: far longer than any outage. */
const PATIENCE = 180_000
/** No order is begun while so many writes wait to be acknowledged: a slow machine is not to be drowned in them. */
const MOST_WAITING = 50

/** What is not the fault of the call, so that it is made again. */
const PASSING = ['UNAVAILABLE', 'UNAUTHENTICATED', 'INTERNAL']

/** What may follow PENDING, and how likely each is. */
const COURSES = /** @type {const} */ ([
  [],
  ['CONFIRMED'],
  ['CONFIRMED', 'SHIPPED', 'DELIVERED'],
  ['CONFIRMED', 'CANCELLED'],
  ['CANCELLED'],
  ['CONFIRMED', 'SHIPPED', 'DELIVERED', 'RETURNED'],
])

/** Orders that are on their way, and where each will end. */
export class Lives {
  /** @type {Map<string, { id: string, customer: string, last: string }>} */
  #all = new Map()
  /** @type {string[]} */
  #young = []

  /** @param {{ id: string, customer: string, last: string }} life */
  add(life) {
    this.#all.set(life.id, life)
    this.#young.push(life.id)
    if (this.#young.length > 100) this.#young.shift()
  }

  /**
   * One of those placed last.
   *
   * @param {import('../lib/random.mjs').Random} random
   * @param {string} [customer] Whose.
   */
  pick(random, customer) {
    const lives = this.#young.map((id) => this.#all.get(id))
    const found = lives.filter((life) => life && (customer === undefined || life.customer === customer))
    return found.length > 0 ? random.pick(found) : undefined
  }

  /**
   * @param {string} id
   * @param {string} status
   */
  isOver(id, status) {
    return this.#all.get(id)?.last === status
  }
}

/** Places orders and moves them on at a steady rate, and repeats what fails until it is acknowledged. */
export class Writers {
  /** Every acknowledged write. @type {import('./writes.mjs').Acknowledged[]} */
  acknowledged = []
  /**
   * When each change was first asked for, in milliseconds since 1970, by `ID version N`: each order that was placed, and what was
   * tried with it, acknowledged or not. @type {Map<string, number>}
   */
  asked = new Map()
  /** Orders placed. */
  placed = 0
  #stopping = false
  /** @type {Set<Promise<void>>} */
  #running = new Set()
  #waiting = 0

  /**
   * @param {object} setting
   * @param {number} setting.rate Orders in a second.
   * @param {{ staff: import('./people.mjs').Person[], customers: import('./people.mjs').Person[] }} setting.people
   * @param {string[]} setting.products
   * @param {import('mongodb').Db} setting.database
   * @param {import('../lib/random.mjs').Random} random
   * @param {import('./subscriber.mjs').World} world
   */
  constructor(setting, random, world) {
    this.setting = setting
    this.random = random
    this.world = world
  }

  /** Places orders until it is stopped. */
  async run() {
    let next = performance.now()
    while (!this.#stopping) {
      if (this.#waiting < MOST_WAITING) {
        const life = this.#live().catch((error) => this.world.tally.problem(`a write failed: ${error.message}`))
        this.#running.add(life)
        life.finally(() => this.#running.delete(life))
      }
      next = Math.max(next + 1_000 / this.setting.rate, performance.now())
      await sleep(next - performance.now())
    }
  }

  /** Begins nothing more, and waits until what was begun is acknowledged. */
  async stop() {
    this.#stopping = true
    await Promise.all(this.#running)
  }

  async #live() {
    const { random, world } = this
    const customer = random.pick(this.setting.people.customers)
    const course = random.pick(COURSES)
    const order = await this.#place(customer)
    world.lives.add({ id: order.id, customer: customer.id, last: course.at(-1) ?? 'PENDING' })
    let version = 1
    for (const status of course) {
      // Slow enough for somebody to find the order before it has reached its end.
      await sleep(random.between(300, 2_500))
      if (this.#stopping) return
      await this.#move(order.id, status, version)
      version += 1
    }
  }

  /** @param {import('./people.mjs').Person} customer */
  async #place(customer) {
    const { random, world } = this
    const products = random.shuffled(this.setting.products).slice(0, Math.ceil(random.between(0, 3)))
    const input = {
      items: products.map((productId) => ({ productId, quantity: Math.ceil(random.between(0, 5)) })),
      idempotencyKey: `chaos-${crypto.randomUUID()}`,
    }
    const selection = 'replayed order { id version status }'
    const askedAt = Date.now()
    const { order, replayed } = await this.#persist((url, options) =>
      mutate(url, 'placeOrder', 'PlaceOrderInput', input, selection, options), customer)
    if (replayed) world.tally.replayed += 1
    const at = Date.now()
    this.placed += 1
    if (!world.sabotage.forgets()) {
      this.asked.set(`${order.id} version 1`, askedAt)
      this.acknowledged.push({ id: order.id, version: 1, status: 'PENDING', at })
    }
    if (world.sabotage.invents()) this.acknowledged.push({ id: order.id, version: 1000, status: 'SHIPPED', at })
    return order
  }

  /**
   * @param {string} orderId
   * @param {string} status
   * @param {number} expectedVersion
   */
  async #move(orderId, status, expectedVersion) {
    const input = { orderId, status, expectedVersion }
    const version = expectedVersion + 1
    this.asked.set(`${orderId} version ${version}`, Date.now())
    let calls = 0
    await this.#persist(async (url, options) => {
      calls += 1
      try {
        await mutate(url, 'updateOrderStatus', 'UpdateOrderStatusInput', input, '', options)
      } catch (error) {
        const isStale = error instanceof Refusal && ['VERSION_MISMATCH', 'INVALID_TRANSITION'].includes(error.code)
        if (!isStale || calls === 1) throw error
        // An earlier call did it without our being told. Nobody else moves this order.
        await until(`${orderId} version ${version} in the log`, () =>
          isRecorded(this.setting.database, orderId, version, status))
      }
    }, this.random.pick(this.setting.people.staff))
    this.acknowledged.push({ id: orderId, version, status, at: Date.now() })
  }

  /**
   * Makes a call until it is acknowledged. Fails when it is refused permanently.
   *
   * @template T
   * @param {(url: string, options: { token: string, within: number }) => Promise<T>} attempt
   * @param {import('./people.mjs').Person} person
   * @returns {Promise<T>}
   */
  async #persist(attempt, person) {
    const deadline = performance.now() + PATIENCE
    this.#waiting += 1
    try {
      for (;;) {
        try {
          const token = await person.token()
          return await attempt(this.world.anyNode(), { token, within: CALL })
        } catch (error) {
          const { name, cause } = /** @type {any} */ (error)
          if (error instanceof Refusal && !PASSING.includes(error.code)) throw error
          if (performance.now() > deadline) throw error
          this.world.tally.repeats.add(error instanceof Refusal ? error.code : (cause?.code ?? name))
          await sleep(this.random.between(100, 500))
        }
      }
    } finally {
      this.#waiting -= 1
    }
  }
}
