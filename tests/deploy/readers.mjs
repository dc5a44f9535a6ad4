import { call } from '../clients/lib/api.mjs'
import { sleep } from '../clients/lib/wait.mjs'

const QUERY = '{ products(first: 3) { totalCount nodes { sku stock } } }'

/** Sends queries at a steady rate and retries none of them. */
export class Readers {
  /** Milliseconds that each answer took. @type {number[]} */
  times = []
  /** The failures. @type {string[]} */
  failures = []
  #stopping = false
  /** @type {Set<Promise<void>>} */
  #running = new Set()

  /**
   * @param {string} url
   * @param {number} rate Queries per second.
   */
  constructor(url, rate) {
    this.url = url
    this.rate = rate
  }

  async run() {
    let next = performance.now()
    for (let i = 0; !this.#stopping; i++) {
      const query = this.#query(i % 2 === 0)
      this.#running.add(query)
      query.finally(() => this.#running.delete(query))
      next = Math.max(next + 1_000 / this.rate, performance.now())
      await sleep(next - performance.now())
    }
  }

  /** Stops sending and waits for the responses. */
  async stop() {
    this.#stopping = true
    await Promise.all(this.#running)
  }

  /** @param {boolean} byGet */
  async #query(byGet) {
    const began = performance.now()
    try {
      const { products } = byGet ? await this.#get() : await call(this.url, QUERY)
      if (products.nodes.length !== 3) throw new Error(`${products.nodes.length} products`)
      this.times.push(performance.now() - began)
    } catch (error) {
      const { message, cause } = /** @type {any} */ (error)
      this.failures.push(`${byGet ? 'GET' : 'POST'}: ${message} ${cause?.code ?? ''}`)
    }
  }

  async #get() {
    const url = `${this.url}?${new URLSearchParams({ query: QUERY })}`
    const response = await fetch(url, { signal: AbortSignal.timeout(30_000) })
    if (!response.ok) throw new Error(`status ${response.status}`)
    return (await response.json()).data
  }

  quantiles() {
    const times = this.times.toSorted((one, other) => one - other)
    const at = (/** @type {number} */ part) => `${(times[Math.ceil(part * times.length) - 1] ?? 0).toFixed(0)} ms`
    return [0.5, 0.99, 1].map(at).join(', ')
  }
}
