// The checks of the chaos harness find every kind of fault.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Consumer } from '../chaos/consumers.mjs'
import { Cursors } from '../chaos/cursors.mjs'
import { idBytes } from '../chaos/log.mjs'
import { checkReceived } from '../chaos/received.mjs'
import { FAULTS, OrderLog, check, checkLog, noFindings } from '../chaos/verify.mjs'
import { checkStock, checkWrites } from '../chaos/writes.mjs'

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
  const entity = { id, customer, status, items: [{ product: PRODUCT, quantity: 3 }], number: `no. ${id}`, total: 37_035 }
  return { seq, eventId: idBytes(eventName(seq)).toString('hex'), kind, entityKind: 'ORDER', version, previousStatus, occurredAt: seq, entity }
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
  check({ name: 'somebody', deliveries: seqs.map(delivery), connections: [], ...stream }, log, findings)
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

test('a lost entry is told with what came around it', () => {
  for (const beginning of [{}, { after: 2 }, { snapshot: { ...delivery(3), id: 'another' } }]) {
    const findings = noFindings()
    const deliveries = [...('after' in beginning || 'snapshot' in beginning ? [] : [delivery(3)]), delivery(5), delivery(6)]
    const stream = { name: 'somebody', deliveries, connections: [], ...beginning }
    check(stream, new OrderLog(entries), findings)
    assert.match(findings.lost.join(), /entry 4, .*before it came .*, after it entry 5/)
  }
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
  const entry = log.bySeq.get(seq)
  const content = `${entry?.entity.number} of ${entry?.entity.customer}: 3 ${PRODUCT}, 37035`
  return { ...delivery(seq), kind, eventId: String(entry?.eventId), content }
}

/**
 * How many faults of each kind there are in what a receiver has taken.
 *
 * @param {number[]} seqs
 * @param {number} [after]
 * @param {Partial<import('../chaos/received.mjs').Taken>} [change] Of all that it has taken.
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
  const changes = [{ seq: 5 }, { version: 7 }, { status: 'PENDING' }, { previousStatus: null }, { kind: 'ORDER_PLACED' }, { content: '' }]
  for (const change of changes) assert.deepEqual(faultsReceived([6], 5, change), { altered: 1 })
})

const cursors = new Cursors(1, 2n)

/**
 * A CloudEvent of an entry of the log.
 *
 * @param {number} seq
 * @param {number} [previous] The entry that it says was before it.
 */
function cloudEvent(seq, previous) {
  const entry = entries.find((entry) => entry.seq === seq)
  assert.ok(entry)
  const { entity, version, previousStatus } = entry
  const id = eventName(seq)
  const kind = seq === 2 ? 'PRODUCT_CREATED' : taken(seq).kind
  const items = entity.items.map(({ product, quantity }) => ({ productId: product, quantity }))
  const sent = seq === 2 ? {} : { ...entity, customerId: entity.customer, items, total: { amount: '3.7035' } }
  const data = { id, cursor: cursors.at(seq), kind, entityId: entity.id, entity: sent, version, previousStatus, occurredAt: 'now' }
  const type = kind.toLowerCase().replace('_', '.')
  const previousid = previous && eventName(previous)
  return { specversion: '1.0', id, cursor: data.cursor, type, subject: entity.id, time: 'now', previousid, data }
}

/** The id of an entry's event, as the server writes it. @param {number} seq */
function eventName(seq) {
  return `evt_01M86Q1KBCY72S71DP6KKVTR5${seq}`
}

/**
 * What is found wrong with the messages that a broker gave.
 *
 * @param {ReturnType<typeof cloudEvent>[]} messages
 */
function faultsConsumed(messages) {
  const record = (/** @type {any[]} */ all, /** @type {any} */ one) => all.push(one)
  const consumer = new Consumer('a broker', /** @type {any} */ ({ cursors, sabotage: { record } }))
  for (const message of messages) consumer.guard(() => consumer.receive(JSON.stringify(message), { subject: message.subject }))
  const findings = noFindings()
  checkReceived(consumer, log, findings)
  const found = Object.fromEntries(FAULTS.map((fault) => [fault, findings[fault].length]).filter(([, count]) => count !== 0))
  return consumer.problems.length === 0 ? found : { ...found, problems: consumer.problems.length }
}

test('what a consumer of a broker has taken is the log, put together by id', () => {
  const sound = entries.map(({ seq }) => cloudEvent(seq, seq > 1 ? seq - 1 : undefined))
  const [one, two, three, four, five, six] = /** @type {[any, any, any, any, any, any]} */ (sound)
  assert.deepEqual(faultsConsumed(sound), {})
  assert.deepEqual(faultsConsumed([one, two, three, two, three, four, five, six, six]), {}, 'events may come again')
  assert.deepEqual(faultsConsumed(sound.slice(0, -1)), { lost: 1 })
  assert.deepEqual(faultsConsumed([one, two, three, five, six]), { lost: 1, problems: 1 }, 'the hole shows')
  assert.deepEqual(faultsConsumed([one, two, four, three, five, six]), { reordered: 1, problems: 3 })
  const invented = { ...cloudEvent(6), id: eventName(7), data: { ...six.data, id: eventName(7) }, previousid: eventName(6) }
  assert.deepEqual(faultsConsumed([...sound, invented]), { strays: 1 })
  const other = (/** @type {object} */ change) => ({ ...six, data: { ...six.data, ...change } })
  for (const change of [{ version: 7 }, { previousStatus: null }, { entity: { ...six.data.entity, number: '9' } }]) {
    assert.deepEqual(faultsConsumed([one, two, three, four, five, other(change)]), { altered: 1 })
  }
  assert.deepEqual(faultsConsumed([one, two, three, four, five, { ...six, type: 'order.placed' }]), { problems: 1 })
  assert.deepEqual(faultsConsumed([one, two, three, four, five, other({ id: eventName(5) })]), { lost: 1, altered: 1, problems: 1 })
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
  assert.deepEqual(checkWrites(writes, log, orders), { missing: [], unasked: [] })
  assert.deepEqual(checkWrites(writes.slice(1), log, orders).unasked, [`${ONE} version 1`])
  const asked = new OrderLog(entries, new Map([[`${ONE} version 1`, 0]]))
  assert.deepEqual(checkWrites(writes.slice(1), asked, orders).unasked, [])
  const phantom = { id: TWO, version: 3, status: 'SHIPPED', at: 0 }
  assert.equal(checkWrites([...writes, phantom], log, orders).missing.length, 1)
  const rolledBack = new Map([...orders, [idBytes(ONE).toString('hex'), { version: 2 }]])
  assert.deepEqual(checkWrites(writes, log, rolledBack).missing, [`orders: ${ONE} version 3, SHIPPED`])
})

test('the stock is what the orders left', () => {
  const id = idBytes(PRODUCT).toString('hex')
  assert.deepEqual(checkStock(10, log, new Map([[id, { stock: 7 }]])), [])
  assert.equal(checkStock(10, log, new Map([[id, { stock: 4 }]])).length, 1)
})
