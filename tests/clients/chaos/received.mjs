// Compares what receivers of webhooks, and consumers of brokers, have taken with the event log.

/**
 * An event as a recipient has taken it.
 *
 * @typedef {object} Sent
 * @property {string} eventId The bytes of its id, in hexadecimal.
 * @property {string} content What it said of the entity, as {@link sentContent} writes it.
 *
 * @typedef {import('./verify.mjs').Delivery & Sent} Taken
 */

/**
 * What a recipient has taken, in the order of arrival. Events may come again.
 *
 * @typedef {object} Received
 * @property {string} name
 * @property {string[]} entityKinds It is sent the events of these.
 * @property {number} after The place it began after.
 * @property {Taken[]} taken
 */

/** What recipients know the kinds of events of this log by. @type {{ [entry: string]: string | undefined }} */
const KINDS = {
  'ORDER CREATED': 'ORDER_PLACED',
  'ORDER STATUS_CHANGED': 'ORDER_STATUS_CHANGED',
  'PRODUCT CREATED': 'PRODUCT_CREATED',
  'PRODUCT UPDATED': 'STOCK_CHANGED',
  'USER CREATED': 'USER_REGISTERED',
}

/**
 * Adds what is wrong with what a recipient has taken: put together by id, it must be the log. An event that is not in the log was
 * sent although its transaction was rolled back.
 *
 * @param {Received} received
 * @param {import('./verify.mjs').OrderLog} log
 * @param {import('./verify.mjs').Findings} findings
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
    if (entry && !isSame(taken, entry)) findings.altered.push(`${what}: ${JSON.stringify([taken, entry])}`)
  }
  for (const { eventId, seq, version, entity } of wanted.values()) {
    if (!got.has(eventId)) findings.lost.push(`${received.name}: entry ${seq}, ${entity.id} version ${version}`)
  }
}

/**
 * @param {Taken} taken
 * @param {import('./log.mjs').Entry} entry
 */
function isSame(taken, entry) {
  return (
    taken.seq === entry.seq &&
    taken.id === entry.entity.id &&
    taken.version === entry.version &&
    taken.kind === KINDS[`${entry.entityKind} ${entry.kind}`] &&
    (entry.entityKind !== 'ORDER' || taken.status === entry.entity.status) &&
    taken.previousStatus === entry.previousStatus &&
    taken.content === loggedContent(entry)
  )
}

/**
 * What an entry of the log says of its entity.
 *
 * @param {import('./log.mjs').Entry} entry
 */
function loggedContent({ entityKind, entity }) {
  if (entityKind === 'PRODUCT') return `${entity.sku}: ${entity.stock}`
  if (entityKind !== 'ORDER') return ''
  const items = entity.items.map(({ product, quantity }) => `${quantity} ${product}`)
  return `${entity.number} of ${entity.customer}: ${items.join(', ')}, ${entity.total}`
}

/**
 * The same of what was sent.
 *
 * @param {string} kind Of the event.
 * @param {any} entity
 */
export function sentContent(kind, entity) {
  if (!entity) return ''
  if (!kind.startsWith('ORDER_')) return `${entity.sku}: ${entity.stock}`
  const items = entity.items.map((/** @type {any} */ { productId, quantity }) => `${quantity} ${productId}`)
  // The log counts units of 1/10,000.
  const total = Math.round(Number(entity.total.amount) * 10_000)
  return `${entity.number} of ${entity.customerId}: ${items.join(', ')}, ${total}`
}
