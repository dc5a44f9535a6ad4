// The checks of the chaos harness find every kind of fault.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { idBytes } from '../chaos/log.mjs'
import { FAULTS, OrderLog, check, checkLog, checkReceived, checkStock, checkWrites, noFindings } from '../chaos/verify.mjs'

const [ONE, TWO] = ['ord_01M86Q1KBCY72S71DP6KKVTR57', 'ord_01M86Q1KBCY72S71DP6KKVTR58']
const PRODUCT = 'prd_01M86Q1F5655MDC52AN62Q85V9'

/** Two orders of two customers, and a product. */
const entries = [
  entry(1, ONE, 'ann', 1, 'PENDING', null),
  { ...entry(2, PRODUCT, '', 1, '', null), entityKind: 'PRODUCT' },
  entry(3, TWO, 'bob', 1, 'PENDING', null),
  entry(4, ONE, 'ann', 2, 'CONFIRMED', 'PENDING'),
  entry(5, TWO, 'bob', 2, 'CANCELLED', 'PENDING'),
  entry(6, ONE, 'ann', 3, 'SHIPPED', 'CONFIRMED'),
]
const log = new OrderLog(entries)

/**
 * @param {number} seq
 * @param {string} id
 * @param {string} customer
 * @param {number} version
 * @param {string} status
 * @param {string | null} previousStatus
 */
function entry(seq, id, customer, version, status, previousStatus) {
  const kind = version === 1 ? 'CREATED' : 'STATUS_CHANGED'
  const entity = { id, customer, status, items: [{ product: PRODUCT, quantity: 3 }] }
  return { seq, eventId: `event ${seq}`, kind, entityKind: 'ORDER', version, previousStatus, occurredAt: seq, entity }
}

/**
 * @param {number} seq
 * @returns {import('../chaos/verify.mjs').Delivery}
 */
function delivery(seq) {
  const found = log.bySeq.get(seq)
  assert.ok(found)
  const { kind, version, previousStatus, entity } = found
  return { seq, at: seq, kind, version, previousStatus, id: entity.id, status: entity.status }
}

/**
 * How many faults of each kind a stream has.
 *
 * @param {Partial<import('../chaos/verify.mjs').Stream> & { seqs?: number[] }} stream
 */
function faults({ seqs = [], ...stream }) {
  const findings = noFindings()
  check({ name: 'somebody', deliveries: seqs.map(delivery), ...stream }, log, findings)
  return Object.fromEntries(FAULTS.map((fault) => [fault, findings[fault].length]).filter(([, count]) => count !== 0))
}

test('complete streams pass', () => {
  assert.deepEqual(faults({ after: 0, seqs: [1, 3, 4, 5, 6] }), {})
  assert.deepEqual(faults({ after: 3, seqs: [4, 5, 6] }), {})
  assert.deepEqual(faults({ seqs: [4, 5, 6] }), {})
  assert.deepEqual(faults({ seqs: [] }), {})
  assert.deepEqual(faults({ after: 0, customerId: 'ann', seqs: [1, 4, 6] }), {})
  assert.deepEqual(faults({ orderId: ONE, snapshot: { ...delivery(4), seq: 5 }, seqs: [6] }), {})
})

test('a stream has lost what it did not get', () => {
  assert.deepEqual(faults({ after: 0, seqs: [1, 3, 5, 6] }), { lost: 1 })
  assert.deepEqual(faults({ after: 0, seqs: [1, 3, 4, 5] }), { lost: 1 })
  assert.deepEqual(faults({ seqs: [1, 3, 6] }), { lost: 2 })
  assert.deepEqual(faults({ after: 0, customerId: 'ann' }), { lost: 3 })
  assert.deepEqual(faults({ orderId: ONE, snapshot: delivery(1), seqs: [4] }), { lost: 1 })
})

test('a stream has doubled what it got again', () => {
  assert.deepEqual(faults({ after: 0, seqs: [1, 3, 4, 4, 5, 6] }), { doubled: 1 })
  assert.deepEqual(faults({ after: 0, seqs: [1, 3, 4, 5, 6, 1, 3] }), { doubled: 2 })
})

test('a stream is out of order when a lower place or version comes later', () => {
  assert.deepEqual(faults({ after: 0, seqs: [1, 4, 3, 5, 6] }), { reordered: 1 })
  const stale = { ...delivery(6), version: 2, status: 'CONFIRMED' }
  const deliveries = [delivery(1), delivery(4), stale]
  assert.deepEqual(faults({ orderId: ONE, after: 0, deliveries }), { reordered: 1, altered: 1 })
})

test('strays are what a stream should not have got', () => {
  assert.deepEqual(faults({ after: 0, customerId: 'ann', seqs: [1, 3, 4, 6] }), { strays: 1 })
  assert.deepEqual(faults({ after: 3, seqs: [3, 4, 5, 6] }), { strays: 1 })
  assert.deepEqual(faults({ after: 0, orderId: TWO, seqs: [3, 4, 5] }), { strays: 1 })
  const unknown = { ...delivery(6), seq: 7, version: 4 }
  assert.deepEqual(faults({ after: 6, deliveries: [unknown] }), { strays: 1 })
})

test('what was delivered is what the log holds', () => {
  for (const change of [{ status: 'PENDING' }, { kind: 'CREATED' }, { previousStatus: null }, { version: 7 }]) {
    assert.deepEqual(faults({ after: 5, deliveries: [{ ...delivery(6), ...change }] }), { altered: 1 })
  }
})

test('a snapshot holds all changes up to its cursor and no other', () => {
  assert.deepEqual(faults({ orderId: ONE, snapshot: { ...delivery(1), seq: 4 }, seqs: [6] }), { altered: 1 })
  const early = { ...delivery(4), seq: 3 }
  assert.deepEqual(faults({ orderId: ONE, snapshot: early, seqs: [4, 6] }), { reordered: 1, altered: 1 })
})

/** @param {number} seq */
function taken(seq) {
  const kind = seq === 1 || seq === 3 ? 'ORDER_PLACED' : 'ORDER_STATUS_CHANGED'
  return { ...delivery(seq), kind, eventId: `event ${seq}` }
}

/**
 * How many faults of each kind there are in what a receiver has taken.
 *
 * @param {number[]} seqs
 * @param {number} [after]
 * @param {Partial<import('../chaos/verify.mjs').Taken>} [change] Of all that it has taken.
 */
function faultsReceived(seqs, after = 0, change = {}) {
  const findings = noFindings()
  const received = seqs.map((seq) => ({ ...taken(seq), ...change }))
  checkReceived({ name: 'somebody', entityKinds: ['ORDER'], after, taken: received }, log, findings)
  return Object.fromEntries(FAULTS.map((fault) => [fault, findings[fault].length]).filter(([, count]) => count !== 0))
}

test('what a receiver has taken is the log, put together by id', () => {
  assert.deepEqual(faultsReceived([1, 3, 4, 5, 6]), {})
  assert.deepEqual(faultsReceived([1, 3, 1, 3, 4, 4, 5, 3, 6]), {}, 'events may come again')
  assert.deepEqual(faultsReceived([5, 6], 4), {})
  assert.deepEqual(faultsReceived([1, 4, 5, 6]), { lost: 1 })
  assert.deepEqual(faultsReceived([1, 3, 4]), { lost: 2 })
  assert.deepEqual(faultsReceived([1, 4, 3, 5, 6]), { reordered: 1 })
  assert.deepEqual(faultsReceived([4, 5, 6], 4), { strays: 1 })
  assert.deepEqual(faultsReceived([6], 5, { eventId: 'rolled back' }), { strays: 1, lost: 1 })
  for (const change of [{ seq: 5 }, { version: 7 }, { status: 'PENDING' }, { previousStatus: null }, { kind: 'ORDER_PLACED' }]) {
    assert.deepEqual(faultsReceived([6], 5, change), { altered: 1 })
  }
})

test('the log has no gaps, and an order no missing version', () => {
  assert.deepEqual(checkLog(log), [])
  assert.equal(checkLog(new OrderLog(entries.filter(({ seq }) => seq !== 2))).length, 4)
  const skipping = entries.map((entry) => (entry.seq === 6 ? { ...entry, version: 4 } : entry))
  assert.equal(checkLog(new OrderLog(skipping)).length, 1)
})

test('acknowledged writes are there, and no others', () => {
  const orders = new Map([ONE, TWO].map((id) => [idBytes(id).toString('hex'), { version: id === ONE ? 3 : 2 }]))
  const writes = log.orders.map(({ version, entity: { id, status } }) => ({ id, version, status, at: 0 }))
  /** @type {Set<string>} */
  const none = new Set()
  assert.deepEqual(checkWrites(writes, none, log, orders), { missing: [], unasked: [] })
  assert.deepEqual(checkWrites(writes.slice(1), none, log, orders).unasked, [`${ONE} version 1`])
  assert.deepEqual(checkWrites(writes.slice(1), new Set([`${ONE} version 1`]), log, orders).unasked, [])
  const phantom = { id: TWO, version: 3, status: 'SHIPPED', at: 0 }
  assert.equal(checkWrites([...writes, phantom], none, log, orders).missing.length, 1)
  const rolledBack = new Map([...orders, [idBytes(ONE).toString('hex'), { version: 2 }]])
  assert.deepEqual(checkWrites(writes, none, log, rolledBack).missing, [`orders: ${ONE} version 3, SHIPPED`])
})

test('the stock is what the orders left', () => {
  const id = idBytes(PRODUCT).toString('hex')
  assert.deepEqual(checkStock(10, log, new Map([[id, { stock: 7 }]])), [])
  assert.equal(checkStock(10, log, new Map([[id, { stock: 4 }]])).length, 1)
})
