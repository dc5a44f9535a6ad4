// The event log as MongoDB holds it, read without the server's help.

/**
 * An entry of the event log.
 *
 * @typedef {object} Entry
 * @property {number} seq Its place.
 * @property {string} kind CREATED, STATUS_CHANGED, …
 * @property {string} entityKind ORDER, PRODUCT or TASK
 * @property {number} version
 * @property {string | null} previousStatus
 * @property {number} occurredAt Milliseconds since 1970.
 * @property {{ id: string, customer: string, status: string, items: { product: string, quantity: number }[] }} entity
 *   As it was right afterwards; of an order.
 */

/**
 * @param {import('mongodb').Document} document
 * @returns {Entry}
 */
function decode(document) {
  const [entity] = Object.values(JSON.parse(document.payload))
  return {
    seq: document._id,
    kind: document.kind,
    entityKind: document.entity_kind,
    version: document.entity_version,
    previousStatus: document.previous_status ?? null,
    occurredAt: document.occurred_at.getTime(),
    entity,
  }
}

/** @param {import('mongodb').Db} database */
function events(database) {
  return database.collection('events', { readConcern: { level: 'majority' } })
}

/** @param {import('mongodb').Db} database */
export async function readLog(database) {
  return (await events(database).find().sort({ _id: 1 }).toArray()).map(decode)
}

/**
 * Whether the log has the entry of that version of an order for good.
 *
 * @param {import('mongodb').Db} database
 * @param {string} orderId
 * @param {number} version
 * @param {string} status
 */
export async function isInLog(database, orderId, version, status) {
  const found = await events(database).findOne({ entity_id: idBytes(orderId), entity_version: version })
  return found !== null && decode(found).entity.status === status
}

/**
 * The place of the last entry.
 *
 * @param {import('mongodb').Db} database
 */
export async function headOfLog(database) {
  const [last] = await events(database).find().sort({ _id: -1 }).limit(1).toArray()
  return Number(last?._id ?? 0)
}

/**
 * Which log it is: a number that is part of every cursor.
 *
 * @param {import('mongodb').Db} database
 */
export async function identityOfLog(database) {
  const counter = await database.collection('counters').findOne(/** @type {any} */ ({ _id: 'log' }))
  return Number(counter?.log_id)
}

/**
 * The cursor of a place in the log, as the server writes it.
 *
 * @param {number} log
 * @param {number} seq
 */
export function cursorOf(log, seq) {
  return `e${log.toString(16).padStart(8, '0')}${seq.toString(16).padStart(16, '0')}`
}

/**
 * The place in the log that a cursor stands for.
 *
 * @param {string} cursor
 */
export function placeOf(cursor) {
  return Number.parseInt(cursor.slice(9), 16)
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/**
 * The 16 bytes of an id: the ULID after its prefix.
 *
 * @param {string} id
 */
export function idBytes(id) {
  let value = 0n
  for (const character of id.slice(id.indexOf('_') + 1)) value = (value << 5n) | BigInt(CROCKFORD.indexOf(character))
  return Buffer.from(value.toString(16).padStart(32, '0'), 'hex')
}

/**
 * The state of every order and product, by the hexadecimal bytes of its id.
 *
 * @param {import('mongodb').Db} database
 * @param {'orders' | 'products'} name
 */
export async function readState(database, name) {
  const projection = { status: 1, version: 1, stock: 1 }
  const rows = await database.collection(name, { readConcern: { level: 'majority' } }).find({}, { projection }).toArray()
  return new Map(rows.map((row) => [/** @type {any} */ (row._id).toString('hex'), row]))
}
