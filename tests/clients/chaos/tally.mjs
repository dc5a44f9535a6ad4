/** Counts things by name. */
export class Counter {
  /** @type {Map<string, number>} */
  #counts = new Map()

  /** @param {string} name */
  add(name) {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
  }

  toString() {
    const sorted = [...this.#counts].sort(([, one], [, other]) => other - one)
    return sorted.map(([name, count]) => `${name} ${count}`).join(', ') || 'none'
  }
}

/** Counts what happens during a run. */
export class Tally {
  deliveries = 0
  reconnects = 0
  /** Why connections ended: close codes, error codes, or what the client said. */
  ends = new Counter()
  /** Why writes were repeated. */
  repeats = new Counter()
  /** Orders that a repeated call had placed before. */
  replayed = 0
  /** Events that no fault explains. @type {string[]} */
  problems = []

  /** @param {string} what */
  problem(what) {
    this.problems.push(what)
  }
}
