import { FAULTS } from './verify.mjs'

/** How many of the findings of one kind are shown. */
const EXAMPLES = 5

/**
 * Prints what a run came to.
 *
 * @param {object} run
 * @param {Map<string, number>} run.faults
 * @param {[string, string | number][]} run.figures Things to know.
 * @param {import('./verify.mjs').Findings} run.findings
 * @param {Record<string, string[]>} run.others What else is to be nothing.
 * @returns {boolean} Whether nothing is wrong.
 */
export function report({ faults, figures, findings, others }) {
  const wrong = { ...Object.fromEntries(FAULTS.map((fault) => [fault, findings[fault]])), ...others }
  const rows = [
    ...[...faults].map(([kind, count]) => [kind, count]),
    ...figures,
    ...Object.entries(wrong).map(([name, found]) => [name, found.length]),
  ]
  const width = Math.max(...rows.map(([name]) => String(name).length))
  console.log()
  for (const [name, value] of rows) console.log(`  ${String(name).padEnd(width)}  ${value}`)
  for (const [name, found] of Object.entries(wrong)) {
    for (const example of found.slice(0, EXAMPLES)) console.log(`${name}: ${example}`)
    if (found.length > EXAMPLES) console.log(`${name}: and ${found.length - EXAMPLES} more`)
  }
  return Object.values(wrong).every((found) => found.length === 0)
}

/**
 * The times from a change to its delivery, of deliveries that no fault came between. When exactly a change was committed
 * is not known: no later than its writer or the first subscriber was told.
 *
 * @param {import('./verify.mjs').Stream[]} streams
 * @param {import('./writes.mjs').Acknowledged[]} writes
 * @param {import('./faults.mjs').Window[]} windows
 * @returns {{ worst: number, median: number, count: number }} In milliseconds.
 */
export function delays(streams, writes, windows) {
  const deliveries = streams.flatMap((stream) => stream.deliveries)
  /** @type {Map<string, number>} */
  const known = new Map()
  for (const { id, version, at } of [...writes, ...deliveries]) {
    known.set(`${id} ${version}`, Math.min(at, known.get(`${id} ${version}`) ?? Infinity))
  }
  /** @type {number[]} */
  const calm = []
  for (const { id, version, at } of deliveries) {
    const since = known.get(`${id} ${version}`) ?? at
    if (!windows.some(({ from, to }) => from <= at && since <= to)) calm.push(at - since)
  }
  calm.sort((one, other) => one - other)
  return { worst: calm.at(-1) ?? 0, median: calm[Math.floor(calm.length / 2)] ?? 0, count: calm.length }
}

/**
 * The longest time between two acknowledgements, in milliseconds.
 *
 * @param {import('./writes.mjs').Acknowledged[]} writes
 */
export function longestPause(writes) {
  const times = writes.map(({ at }) => at).sort((one, other) => one - other)
  return times.reduce((longest, at, i) => Math.max(longest, at - (times[i - 1] ?? at)), 0)
}
