// The faults of a run and their schedule.
import { sleep, until } from '../lib/wait.mjs'

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

/**
 * Faults that wait for each other; those of different lanes happen at the same time.
 *
 * @type {Record<string, { kinds: string[], every: [number, number], first: [number, number], lasts: [number, number] }>}
 */
const LANES = {
  database: { kinds: ['primary killed'], first: [4, 12], every: [40, 80], lasts: [1, 5] },
  servers: {
    kinds: ['node killed', 'node terminated', 'node paused', 'Redis killed'],
    first: [3, 6],
    every: [8, 12],
    lasts: [0.5, 3],
  },
  network: { kinds: ['sockets cut', 'readers stalled'], first: [3, 5], every: [3, 6], lasts: [2, 8] },
}

/** All kinds of faults. */
export const KINDS = Object.values(LANES).flatMap(({ kinds }) => kinds)

/**
 * Draws a schedule in which every kind happens.
 *
 * @param {number} seconds
 * @param {import('../lib/random.mjs').Random} random
 * @returns {Fault[][]} By lane.
 */
export function plan(seconds, random) {
  return Object.values(LANES).map(({ kinds, first, every, lasts }) => {
    const faults = []
    let deck = random.shuffled(kinds)
    let at = random.between(...first)
    while (faults.length < kinds.length || at < seconds - 5) {
      const kind = deck.pop() ?? random.pick(kinds)
      if (deck.length === 0) deck = random.shuffled(kinds)
      faults.push({ at, kind, seconds: random.between(...lasts), which: random.next() })
      at += random.between(...every)
    }
    return faults
  })
}

/** @param {Fault[][]} lanes */
export function describe(lanes) {
  const faults = lanes.flat().sort((one, other) => one.at - other.at)
  return faults.map(({ at, kind, seconds }) => `  ${at.toFixed(1).padStart(6)} s  ${kind}, for ${seconds.toFixed(1)} s`)
}

export class Faults {
  /** @type {Window[]} */
  windows = []
  /** @type {Map<string, number>} */
  counts = new Map(KINDS.map((kind) => [kind, 0]))
  /** Connections that were cut or stalled. */
  connections = 0

  /**
   * @param {import('./cluster.mjs').Cluster} cluster
   * @param {import('../lib/random.mjs').Random} random
   * @param {(line: string) => void} say
   */
  constructor(cluster, random, say) {
    this.cluster = cluster
    this.random = random
    this.say = say
  }

  /**
   * Lets a schedule happen.
   *
   * @param {Fault[][]} lanes
   */
  async run(lanes) {
    const start = performance.now()
    const lane = async (/** @type {Fault[]} */ faults) => {
      for (const fault of faults) {
        await sleep(Math.max(0, fault.at * 1_000 - (performance.now() - start)))
        await this.#happen(fault, start)
      }
    }
    await Promise.all(lanes.map(lane))
  }

  /**
   * @param {Fault} fault
   * @param {number} start
   */
  async #happen(fault, start) {
    const window = { from: Date.now(), to: Infinity }
    this.windows.push(window)
    const began = performance.now()
    const hit = await this.#inject(fault)
    window.to = Date.now() + SETTLE
    this.counts.set(fault.kind, (this.counts.get(fault.kind) ?? 0) + 1)
    const [from, took] = [began - start, performance.now() - began].map((ms) => (ms / 1_000).toFixed(1))
    this.say(`  ${from?.padStart(6)} s  ${fault.kind}: ${hit}, over after ${took} s`)
  }

  /**
   * @param {Fault} fault
   * @returns {Promise<string>} What was hit.
   */
  async #inject({ kind, seconds, which }) {
    const { cluster } = this
    const node = cluster.nodes[Math.floor(which * cluster.nodes.length)]
    if (!node) throw new Error('no nodes')
    switch (kind) {
      case 'node killed':
        await node.kill()
        await sleep(seconds * 1_000)
        await node.start()
        return node.name
      case 'node terminated':
        await node.terminate()
        await sleep(seconds * 1_000)
        await node.start()
        return node.name
      case 'node paused':
        // It wakes up in the middle of what it was doing, such as numbering, while others have gone on.
        node.program?.kill('SIGSTOP')
        await sleep(seconds * 1_000)
        node.program?.kill('SIGCONT')
        return node.name
      case 'Redis killed':
        await cluster.redis.kill()
        await sleep(seconds * 1_000)
        await cluster.redis.start()
        return 'redis'
      case 'primary killed': {
        const primary = await cluster.primary()
        await primary.kill()
        await sleep(seconds * 1_000)
        await primary.start()
        await until(`${primary.name} is a member again`, () => primary.isMember(), 120_000)
        await cluster.database.collection('chaos').insertOne({}, { writeConcern: { w: 'majority' } })
        return primary.name
      }
      case 'sockets cut': {
        const connections = this.#some(which)
        for (const connection of connections) connection.cut()
        return `${connections.length} connections`
      }
      case 'readers stalled': {
        const connections = this.#some(which)
        for (const connection of connections) connection.stall()
        await sleep(seconds * 1_000)
        for (const connection of connections) connection.resume()
        return `${connections.length} connections`
      }
      default:
        throw new Error(`an unknown kind of fault: ${kind}`)
    }
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
