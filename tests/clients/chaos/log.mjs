// The event log as MongoDB holds it, read without the server's help.

/**
 * An order. A product and a user have an id, too.
 *
 * @typedef {object} Entity
 * @property {string} id
 * @property {string} customer
 * @property {string} status
 * @property {{ product: string, quantity: number }[]} items
 * @property {string} [number]
 * @property {number} [total] In units of 1/10,000.
 * @property {string} [sku] Of a product.
 * @property {number} [stock] Of a product.
 */

/**
 * An entry of the event log.
 *
 * @typedef {object} Entry
 * @property {number} seq Its place.
 * @property {string} eventId The bytes of its id, in hexadecimal.
 * @property {string} kind CREATED, STATUS_CHANGED, …
 * @property {string} entityKind ORDER, PRODUCT, TASK, USER or RIGHTS
 * @property {number} version
 * @property {string | null} previousStatus
 * @property {number} occurredAt Milliseconds since 1970.
 * @property {Entity} entity As it was right afterwards.
 */

/**
 * @param {import('mongodb').Document} document
 * @param {number} seq
 * @returns {Entry}
 */
function decode(document, seq) {
  const [entity] = Object.values(JSON.parse(document.payload))
  return {
    seq,
    eventId: document.event_id.toString('hex'),
    kind: document.kind,
    entityKind: document.entity_kind,
    version: document.entity_version,
    previousStatus: document.previous_status ?? null,
    occurredAt: document.occurred_at.getTime(),
    entity,
  }
}

/**
 * @param {import('mongodb').Db} database
 * @param {'log' | 'outbox'} name
 */
function collection(database, name) {
  return database.collection(name, { readConcern: { level: 'majority' } })
}

/** @param {import('mongodb').Db} database */
export async function readLog(database) {
  const chunks = await collection(database, 'log').find().sort({ _id: 1 }).toArray()
  return chunks.flatMap(({ _id, entries }) =>
    entries.map((/** @type {import('mongodb').Document} */ entry, /** @type {number} */ place) =>
      decode(entry, Number(_id) + place),
    ),
  )
}

/**
 * Whether every change that was committed has its place in the log.
 *
 * @param {import('mongodb').Db} database
 */
export async function isWholeLog(database) {
  return (await collection(database, 'outbox').countDocuments()) === 0
}

/**
 * Whether the entry of that version of an order is in the log, or waits for its place in it.
 *
 * @param {import('mongodb').Db} database
 * @param {string} orderId
 * @param {number} version
 * @param {string} status
 */
export async function isRecorded(database, orderId, version, status) {
  const about = idBytes(orderId)
  // The outbox first: an entry that gets its place in between is in both.
  for (const name of /** @type {const} */ (['outbox', 'log'])) {
    for await (const { entries } of collection(database, name).find({ about })) {
      const isIt = (/** @type {import('mongodb').Document} */ entry) =>
        about.equals(entry.entity_id.buffer) && entry.entity_version === version
      const found = entries.find(isIt)
      if (found) return decode(found, 0).entity.status === status
    }
  }
  return false
}

/**
 * The place of the last entry.
 *
 * @param {import('mongodb').Db} database
 */
export async function headOfLog(database) {
  const [newest] = await collection(database, 'log').find().sort({ last: -1 }).limit(1).toArray()
  return Number(newest?.last ?? 0)
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
