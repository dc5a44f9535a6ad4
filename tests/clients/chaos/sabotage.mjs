// Corrupts what clients or writers received, to show that the checks notice it.

/** The kinds of corruption. */
export const sabotages = ['drop', 'double', 'swap', 'skip', 'forget', 'phantom']

/** One delivery in this many is corrupted. */
const RARELY = 200

export class Sabotage {
  #count = 0

  /**
   * @param {string | undefined} kind
   * @param {import('./cursors.mjs').Cursors} cursors
   */
  constructor(kind, cursors) {
    this.kind = kind
    this.cursors = cursors
  }

  /**
   * Takes note of a delivery, or spoils it.
   *
   * @template T
   * @param {T[]} deliveries
   * @param {T} delivery
   */
  record(deliveries, delivery) {
    if (this.kind === 'drop' && this.#now()) return
    deliveries.push(delivery)
    if (this.kind === 'double' && this.#now()) deliveries.push(delivery)
    if (this.kind === 'swap' && this.#now()) deliveries.push(...deliveries.splice(-2).reverse())
  }

  /**
   * The cursor to resume with: with `skip`, that of the entry after it.
   *
   * @param {string} cursor
   */
  cursor(cursor) {
    if (this.kind !== 'skip') return cursor
    return this.cursors.at(this.cursors.placeOf(cursor) + 1)
  }

  /** Whether an acknowledgement is to be forgotten. */
  forgets() {
    return this.kind === 'forget' && this.#now()
  }

  /** Whether to claim a write that never was. */
  invents() {
    return this.kind === 'phantom' && this.#now()
  }

  #now() {
    this.#count += 1
    return this.#count % RARELY === 0
  }
}
