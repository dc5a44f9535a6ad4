/** Random numbers that a seed repeats: https://en.wikipedia.org/wiki/Xorshift#Initialization (splitmix32). */
export class Random {
  #state

  /** @param {number} seed */
  constructor(seed) {
    this.#state = seed | 0
  }

  /** From 0 to below 1. */
  next() {
    this.#state = (this.#state + 0x9e3779b9) | 0
    let bits = this.#state ^ (this.#state >>> 16)
    bits = Math.imul(bits, 0x21f0aaad)
    bits ^= bits >>> 15
    bits = Math.imul(bits, 0x735a2d97)
    return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  between(from, to) {
    return from + this.next() * (to - from)
  }

  /** @param {number} probability */
  chance(probability) {
    return this.next() < probability
  }

  /**
   * One of several, which are not none.
   *
   * @template T
   * @param {readonly T[]} choices
   * @returns {T}
   */
  pick(choices) {
    return /** @type {T} */ (choices[Math.floor(this.next() * choices.length)])
  }

  /**
   * @template T
   * @param {readonly T[]} items
   * @returns {T[]}
   */
  shuffled(items) {
    return items
      .map((item) => ({ item, place: this.next() }))
      .sort((one, other) => one.place - other.place)
      .map(({ item }) => item)
  }

  /** A source of its own, so that what draws from one does not change what another gets. */
  fork() {
    return new Random(Math.floor(this.next() * 2 ** 32))
  }
}
