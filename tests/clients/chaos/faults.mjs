// The faults of a run and their schedule.
import { sleep } from '../lib/wait.mjs'
import { INJECTIONS } from './injections.mjs'

/**
 * @typedef {object} Fault
 * @property {number} at Seconds after the start. It begins later when what its lane did before is not over.
 * @property {string} kind
 * @property {number} seconds How long something is down, or stalled.
 * @property {number} which Chooses what is hit: from 0 to below 1.
 */

/** A time in which a fault and its consequences may slow deliveries down, in milliseconds since 1970. */
/** @typedef {{ from: number, to: number }} Window */

/** How long after its end a fault may still be felt: clients wait before they come back. In milliseconds. */
const SETTLE = 3_000

/** About how long a round is, in seconds: the time between two losses of power. */
const ROUND = 150

/** How many rounds there are at most for one that was asked for, until as many orders are placed as were asked for. */
const MORE_ROUNDS = 4

/** What ends each round. */
const LOSS_OF_POWER = 'everything killed'

/**
 * Faults that wait for each other; those of different lanes happen at the same time.
 *
 * @type {Record<string, { kinds: string[], every: [number, number], first: [number, number], lasts: [number, number] }>}
 */
const LANES = {
  database: {
    kinds: ['primary killed', 'primary stepped down', "primary's disk full"],
    first: [2, 4],
    every: [25, 45],
    lasts: [0.5, 3],
  },
  servers: {
    kinds: ['node killed', 'node terminated', 'node paused', 'node cut from MongoDB', "node's clock set back", 'Redis killed'],
    first: [1, 3],
    every: [8, 12],
    lasts: [0.5, 5],
  },
  webhooks: {
    kinds: ['worker killed', 'worker terminated', 'worker paused', 'receivers restarted'],
    first: [2, 4],
    every: [15, 25],
    lasts: [0.5, 3],
  },
  network: { kinds: ['sockets cut', 'readers stalled'], first: [3, 5], every: [3, 6], lasts: [2, 8] },
  rabbitmq: { kinds: ['RabbitMQ killed'], first: [8, 12], every: [40, 60], lasts: [0.5, 3] },
}

/**
 * Draws a round. In each one every kind happens, and at its end everything loses power.
 *
 * @param {number} seconds
 * @param {import('../lib/random.mjs').Random} random
 * @param {string[]} names Of the lanes.
 * @returns {Fault[][]} By lane.
 */
function planRound(seconds, random, names) {
  const lanes = Object.entries(LANES).filter(([name]) => names.includes(name))
  return lanes.map(([, { kinds, first, every, lasts }]) => {
    /** @type {Fault[]} */
    const faults = []
    let deck = random.shuffled(kinds)
    let at = random.between(...first)
    // In a short round they follow each other faster, so that each kind happens.
    const widest = (seconds - at) / kinds.length
    while (faults.length < kinds.length || at < seconds - 5) {
      const kind = deck.pop() ?? random.pick(kinds)
      if (deck.length === 0) deck = random.shuffled(kinds)
      faults.push({ at, kind, seconds: Math.min(random.between(...lasts), widest / 2), which: random.next() })
      at += Math.min(random.between(...every), widest)
    }
    return faults
  })
}

/**
 * @param {number} round
 * @param {Fault[][]} lanes
 */
function describe(round, lanes) {
  const faults = lanes.flat().sort((one, other) => one.at - other.at)
  const line = (/** @type {Fault} */ { at, kind, seconds }) => `  ${at.toFixed(1).padStart(6)} s  ${kind}, for ${seconds.toFixed(1)} s`
  return [`round ${round}, as planned:`, ...faults.map(line), `  then    ${LOSS_OF_POWER}`, 'happening:'].join('\n')
}

export class Faults {
  /** @type {Window[]} */
  windows = []
  /** @type {Map<string, number>} */
  counts
  /** Connections that were cut or stalled. */
  connections = 0
  start = performance.now()
  #lanes

  /**
   * @param {import('./cluster.mjs').Cluster} cluster
   * @param {import('./receivers.mjs').Receiver[]} receivers
   * @param {import('../lib/random.mjs').Random} random
   * @param {(line: string) => void} say
   */
  constructor(cluster, receivers, random, say) {
    this.cluster = cluster
    this.receivers = receivers
    this.random = random
    this.say = say
    this.#lanes = Object.keys(LANES).filter((name) => name !== 'rabbitmq' || cluster.rabbitmq)
    const kinds = this.#lanes.flatMap((name) => LANES[name]?.kinds ?? [])
    this.counts = new Map([...kinds, LOSS_OF_POWER].map((kind) => [kind, 0]))
  }

  /**
   * Lets rounds of faults happen.
   *
   * @param {number} seconds How long they take together.
   * @param {() => boolean} isEnough Whether no further round is needed then.
   * @param {import('../lib/random.mjs').Random} random Draws the schedule.
   */
  async run(seconds, isEnough, random) {
    const rounds = Math.max(1, Math.round(seconds / ROUND))
    for (let round = 1; round <= rounds || (round <= MORE_ROUNDS * rounds && !isEnough()); round++) {
      const lanes = planRound(seconds / rounds, random, this.#lanes)
      this.say(describe(round, lanes))
      await this.#happenAll(lanes)
    }
  }

  /** @param {Fault[][]} lanes */
  async #happenAll(lanes) {
    const start = performance.now()
    const lane = async (/** @type {Fault[]} */ faults) => {
      for (const fault of faults) {
        await sleep(Math.max(0, fault.at * 1_000 - (performance.now() - start)))
        await this.#happen(fault)
      }
    }
    await Promise.all(lanes.map(lane))
    await this.#happen({ at: 0, kind: LOSS_OF_POWER, seconds: 1, which: 0 })
  }

  /** @param {Fault} fault */
  async #happen(fault) {
    const window = { from: Date.now(), to: Infinity }
    this.windows.push(window)
    const began = performance.now()
    const hit = await this.#inject(fault)
    window.to = Date.now() + SETTLE
    this.counts.set(fault.kind, (this.counts.get(fault.kind) ?? 0) + 1)
    const [from, took] = [began - this.start, performance.now() - began].map((ms) => (ms / 1_000).toFixed(1))
    this.say(`  ${from?.padStart(6)} s  ${fault.kind}: ${hit}, over after ${took} s`)
  }

  /**
   * @param {Fault} fault
   * @returns {Promise<string>} What was hit.
   */
  async #inject({ kind, seconds, which }) {
    const { cluster } = this
    if (kind === 'sockets cut') {
      const connections = this.#some(which)
      for (const connection of connections) connection.cut()
      return `${connections.length} connections`
    }
    if (kind === 'readers stalled') {
      const connections = this.#some(which)
      for (const connection of connections) connection.stall()
      await sleep(seconds * 1_000)
      for (const connection of connections) connection.resume()
      return `${connections.length} connections`
    }
    if (kind === 'receivers restarted') {
      const some = this.random.shuffled(this.receivers).slice(0, Math.ceil(this.receivers.length / 2))
      await Promise.all(some.map((receiver) => receiver.restart(seconds)))
      return `${some.length} of ${this.receivers.length}`
    }
    const node = cluster.nodes[Math.floor(which * cluster.nodes.length)]
    const injection = INJECTIONS[kind]
    if (!node || !injection) throw new Error(`an unknown kind of fault: ${kind}`)
    return injection({ cluster, node, seconds })
  }

  /**
   * A part of all open connections.
   *
   * @param {number} share
   */
  #some(share) {
    const all = this.cluster.nodes.flatMap(({ proxy }) => [...proxy.connections])
    const some = this.random.shuffled(all).slice(0, Math.ceil(all.length * (0.1 + 0.4 * share)))
    this.connections += some.length
    return some
  }
}
