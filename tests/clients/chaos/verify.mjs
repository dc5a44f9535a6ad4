// Compares what each subscriber received with the event log.
import { idBytes } from './log.mjs'

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
 * A subscription's filter and everything that it received, over all its connections.
 *
 * @typedef {object} Stream
 * @property {string} name
 * @property {string} [orderId] Only this order.
 * @property {string} [customerId] Only orders of this customer: asked for, or because no others are seen.
 * @property {number} [after] The place it began after; else that of the snapshot, else that of its first delivery.
 * @property {Delivery} [snapshot]
 * @property {Delivery[]} deliveries
 */

/**
 * An event as the receiver of a webhook has taken it.
 *
 * @typedef {Delivery & { eventId: string }} Taken `eventId`: the bytes of its id, in hexadecimal.
 */

/**
 * What the receiver of a webhook has taken, in the order of arrival. Events may come again.
 *
 * @typedef {object} Received
 * @property {string} name
 * @property {string[]} entityKinds It is sent the events of these.
 * @property {number} after The place it began after.
 * @property {Taken[]} taken
 */

/** What webhooks call the kinds of events of this log. @type {{ [entry: string]: string | undefined }} */
const WEBHOOK_KINDS = {
  'ORDER CREATED': 'ORDER_PLACED',
  'ORDER STATUS_CHANGED': 'ORDER_STATUS_CHANGED',
  'PRODUCT CREATED': 'PRODUCT_CREATED',
  'PRODUCT UPDATED': 'STOCK_CHANGED',
}

/** The kinds of faults a stream can have, all of which must be 0. */
export const FAULTS = /** @type {const} */ (['lost', 'doubled', 'reordered', 'strays', 'altered'])

/** @typedef {Record<typeof FAULTS[number], string[]>} Findings */

/** The log's entries about orders, indexed by place and by order. */
export class OrderLog {
  /** @param {Entry[]} entries The whole log. */
  constructor(entries) {
    this.all = entries
    this.orders = entries.filter(({ entityKind }) => entityKind === 'ORDER')
    this.bySeq = new Map(this.orders.map((entry) => [entry.seq, entry]))
    this.byOrder = groupByOrder(this.orders)
  }

  /**
   * What a subscriber must get.
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
   * What a webhook must be sent.
   *
   * @param {Received} received
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
  for (const { seq, version, entity } of expected) {
    if (!got.has(seq)) findings.lost.push(`${stream.name}: entry ${seq}, ${entity.id} version ${version}`)
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
 * Adds what is wrong with what a receiver has taken: put together by id, it must be the log. An event that is not in the log was
 * sent although its transaction was rolled back.
 *
 * @param {Received} received
 * @param {OrderLog} log
 * @param {Findings} findings
 */
export function checkReceived(received, log, findings) {
  const wanted = new Map(log.expectedBy(received).map((entry) => [entry.eventId, entry]))
  const got = new Set()
  let last = 0
  for (const taken of received.taken) {
    const what = `${received.name}: entry ${taken.seq}, ${taken.id} version ${taken.version}`
    const entry = wanted.get(taken.eventId)
    if (!entry) findings.strays.push(what)
    else if (!got.has(taken.eventId)) {
      got.add(taken.eventId)
      if (entry.seq < last) findings.reordered.push(`${what} after entry ${last}`)
      last = Math.max(last, entry.seq)
    }
    if (entry && !isSent(taken, entry)) findings.altered.push(`${what}: ${JSON.stringify([taken, entry])}`)
  }
  for (const { eventId, seq, version, entity } of wanted.values()) {
    if (!got.has(eventId)) findings.lost.push(`${received.name}: entry ${seq}, ${entity.id} version ${version}`)
  }
}

/**
 * @param {Taken} taken
 * @param {Entry} entry
 */
function isSent(taken, entry) {
  return (
    taken.seq === entry.seq &&
    taken.id === entry.entity.id &&
    taken.version === entry.version &&
    taken.kind === WEBHOOK_KINDS[`${entry.entityKind} ${entry.kind}`] &&
    (entry.entityKind !== 'ORDER' || taken.status === entry.entity.status) &&
    taken.previousStatus === entry.previousStatus
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
 * @param {Set<string>} tried Writes that may be there without having been acknowledged: `ID version N`.
 * @param {OrderLog} log
 * @param {Map<string, import('mongodb').Document>} orders The state of each.
 * @returns {{ missing: string[], unasked: string[] }} Acknowledged writes that are not there; writes without a request, such
 *   as an order placed twice.
 */
export function checkWrites(writes, tried, log, orders) {
  const missing = []
  const asked = new Set(tried)
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
