// Compares what writers were told, and the stock, with the event log.
import { idBytes } from './log.mjs'

/** @typedef {import('./verify.mjs').OrderLog} OrderLog */

/**
 * A write that the server has acknowledged.
 *
 * @typedef {object} Acknowledged
 * @property {string} id Of the order.
 * @property {number} version
 * @property {string} status
 * @property {number} at When, in milliseconds since 1970.
 */

/**
 * Compares what writers were told with what is there.
 *
 * @param {Acknowledged[]} writes All there were.
 * @param {OrderLog} log Of which everything that was asked for may be there without having been acknowledged.
 * @param {Map<string, import('mongodb').Document>} orders The state of each.
 * @returns {{ missing: string[], unasked: string[] }} Acknowledged writes that are not there; writes without a request, such
 *   as an order placed twice.
 */
export function checkWrites(writes, log, orders) {
  const missing = []
  const asked = new Set(log.asked.keys())
  for (const { id, version, status } of writes) {
    asked.add(`${id} version ${version}`)
    const entry = log.byOrder.get(id)?.find((entry) => entry.version === version)
    const order = orders.get(idBytes(id).toString('hex'))
    if (entry?.entity.status !== status) missing.push(`log: ${id} version ${version}, ${status}`)
    else if (!order || order.version < version) missing.push(`orders: ${id} version ${version}, ${status}`)
  }
  const unasked = log.orders.map(({ version, entity }) => `${entity.id} version ${version}`).filter((write) => !asked.has(write))
  return { missing, unasked }
}

/**
 * Products whose stock is not what the orders left.
 *
 * @param {number} initial Units of each at the start.
 * @param {OrderLog} log
 * @param {Map<string, import('mongodb').Document>} products The state of each.
 * @returns {string[]}
 */
export function checkStock(initial, log, products) {
  /** @type {Map<string, number>} */
  const sold = new Map()
  for (const entries of log.byOrder.values()) {
    const order = entries.at(-1)?.entity
    if (!order || ['CANCELLED', 'RETURNED'].includes(order.status)) continue
    for (const { product, quantity } of order.items) {
      const id = idBytes(product).toString('hex')
      sold.set(id, (sold.get(id) ?? 0) + quantity)
    }
  }
  const astray = [...products].filter(([id, { stock }]) => stock !== initial - (sold.get(id) ?? 0))
  return astray.map(([id, { stock }]) => `product ${id} has ${stock} units, ${sold.get(id) ?? 0} of ${initial} are sold`)
}
