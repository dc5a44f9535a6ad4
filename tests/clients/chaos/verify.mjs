// Compares what each subscriber received with the event log.
import { explain } from './history.mjs'

/** @typedef {import('./log.mjs').Entry} Entry */

/**
 * An update as a subscriber received it.
 *
 * @typedef {object} Delivery
 * @property {number} seq Place in the log, by its cursor.
 * @property {number} at When it came, in milliseconds since 1970.
 * @property {string} kind
 * @property {string} id Of the order.
 * @property {number} version
 * @property {string} status
 * @property {string | null} previousStatus
 */

/**
 * One connection of a subscription.
 *
 * @typedef {object} Connection
 * @property {number} at When it was opened, in milliseconds since 1970.
 * @property {string} url
 * @property {number} [after] The place that it was to go on after.
 * @property {string} [end] How it ended, and when.
 */

/**
 * A subscription's filter and everything that it received, over all its connections.
 *
 * @typedef {object} Stream
 * @property {string} name
 * @property {string} [orderId] Only this order.
 * @property {string} [customerId] Only orders of this customer: asked for, or because no others are seen.
 * @property {number} [after] The place it began after; else that of the snapshot, else that of its first delivery.
 * @property {Delivery} [snapshot]
 * @property {Delivery[]} deliveries
 * @property {Connection[]} connections
 */

/** The kinds of faults a stream can have, all of which must be 0. */
export const FAULTS = /** @type {const} */ (['lost', 'doubled', 'reordered', 'strays', 'altered'])

/** @typedef {Record<typeof FAULTS[number], string[]>} Findings */

/** The log's entries about orders, indexed by place and by order. */
export class OrderLog {
  /**
   * @param {Entry[]} entries The whole log.
   * @param {Map<string, number>} [asked] When each change of an order was first asked for, in milliseconds since 1970, by
   *   `ID version N`.
   */
  constructor(entries, asked = /** @type {Map<string, number>} */ (new Map())) {
    this.all = entries
    this.asked = asked
    this.orders = entries.filter(({ entityKind }) => entityKind === 'ORDER')
    this.bySeq = new Map(this.orders.map((entry) => [entry.seq, entry]))
    this.byOrder = groupByOrder(this.orders)
  }

  /**
   * What a subscriber must get, and nothing else.
   *
   * @param {Stream} stream
   */
  expected({ orderId, customerId, after, snapshot, deliveries }) {
    const start = after ?? snapshot?.seq ?? (deliveries[0]?.seq ?? Infinity) - 1
    const candidates = orderId === undefined ? this.orders : (this.byOrder.get(orderId) ?? [])
    return candidates.filter(
      ({ seq, entity }) => seq > start && (customerId === undefined || entity.customer === customerId),
    )
  }

  /**
   * When the change of an entry was first asked for, in milliseconds since 1970. The clocks of nodes are wrong at times.
   *
   * @param {Entry} entry
   */
  askedAt({ entity, version }) {
    return this.asked.get(`${entity.id} version ${version}`) ?? Infinity
  }

  /**
   * What a recipient must be sent.
   *
   * @param {Pick<import('./received.mjs').Received, 'entityKinds' | 'after'>} received
   */
  expectedBy({ entityKinds, after }) {
    return this.all.filter(({ seq, entityKind }) => seq > after && entityKinds.includes(entityKind))
  }
}

/** @param {Entry[]} entries */
function groupByOrder(entries) {
  /** @type {Map<string, Entry[]>} */
  const groups = new Map()
  for (const entry of entries) {
    const group = groups.get(entry.entity.id)
    if (group) group.push(entry)
    else groups.set(entry.entity.id, [entry])
  }
  return groups
}

/** @returns {Findings} */
export function noFindings() {
  return { lost: [], doubled: [], reordered: [], strays: [], altered: [] }
}

/**
 * Adds what is wrong with a stream.
 *
 * @param {Stream} stream
 * @param {OrderLog} log
 * @param {Findings} findings
 */
export function check(stream, log, findings) {
  const expected = log.expected(stream)
  const wanted = new Set(expected.map(({ seq }) => seq))
  const got = new Set()
  /** @type {Map<string, number>} */
  const versions = new Map(stream.snapshot ? [[stream.snapshot.id, stream.snapshot.version]] : [])
  let last = 0
  for (const delivery of stream.deliveries) {
    const { seq, id, version } = delivery
    const what = `${stream.name}: entry ${seq}, ${id} version ${version}`
    if (got.has(seq)) {
      findings.doubled.push(what)
      continue
    }
    got.add(seq)
    if (!wanted.has(seq)) findings.strays.push(what)
    if (seq < last) findings.reordered.push(`${what} after entry ${last}`)
    else if (version <= (versions.get(id) ?? 0)) findings.reordered.push(`${what} after version ${versions.get(id)}`)
    last = Math.max(last, seq)
    versions.set(id, Math.max(version, versions.get(id) ?? 0))
    const entry = log.bySeq.get(seq)
    if (entry && !isSame(delivery, entry)) findings.altered.push(`${what}: ${JSON.stringify([delivery, entry])}`)
  }
  for (const entry of expected) {
    if (!got.has(entry.seq)) findings.lost.push(`${stream.name}: ${explain(stream, entry, log)}`)
  }
  if (stream.snapshot) checkSnapshot(stream.name, stream.snapshot, log, findings)
}

/**
 * @param {Delivery} delivery
 * @param {Entry} entry
 */
function isSame(delivery, entry) {
  return (
    delivery.id === entry.entity.id &&
    delivery.version === entry.version &&
    delivery.kind === entry.kind &&
    delivery.status === entry.entity.status &&
    delivery.previousStatus === entry.previousStatus
  )
}

/**
 * A snapshot holds every change up to its cursor and none after it.
 *
 * @param {string} name
 * @param {Delivery} snapshot
 * @param {OrderLog} log
 * @param {Findings} findings
 */
function checkSnapshot(name, snapshot, log, findings) {
  const entries = log.byOrder.get(snapshot.id) ?? []
  const newest = entries.findLast(({ seq }) => seq <= snapshot.seq)
  if (newest?.version === snapshot.version && newest.entity.status === snapshot.status) return
  findings.altered.push(`${name}: snapshot ${JSON.stringify(snapshot)}, entry ${JSON.stringify(newest)}`)
}

/**
 * The number of a log's entries that are not where they belong: places without gaps, versions of an order from 1 on.
 *
 * @param {OrderLog} log
 * @returns {string[]}
 */
export function checkLog(log) {
  const faults = []
  for (const [index, { seq }] of log.all.entries()) {
    if (seq !== index + 1) faults.push(`entry ${seq} is number ${index + 1} of the log`)
  }
  for (const [id, entries] of log.byOrder) {
    for (const [index, { seq, version }] of entries.entries()) {
      if (version !== index + 1) faults.push(`entry ${seq}: ${id} has version ${version} in place of ${index + 1}`)
    }
  }
  return faults
}
