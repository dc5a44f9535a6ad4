// Restarts every node behind nginx in turn, while orders are placed, queried and watched: no client may see a failure.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Cluster } from '../clients/chaos/cluster.mjs'
import { Cursors } from '../clients/chaos/cursors.mjs'
import { headOfLog, isWholeLog, readLog, readState } from '../clients/chaos/log.mjs'
import { STOCK, makePeople, makeProducts } from '../clients/chaos/people.mjs'
import { Random } from '../clients/lib/random.mjs'
import { delays, report } from '../clients/chaos/report.mjs'
import { Sabotage } from '../clients/chaos/sabotage.mjs'
import { Subscriber } from '../clients/chaos/subscriber.mjs'
import { Tally } from '../clients/chaos/tally.mjs'
import { OrderLog, check, checkLog, noFindings } from '../clients/chaos/verify.mjs'
import { Lives, Writers } from '../clients/chaos/writers.mjs'
import { checkStock, checkWrites } from '../clients/chaos/writes.mjs'
import { sleep, until } from '../clients/lib/wait.mjs'
import { Nginx } from './nginx.mjs'
import { Readers } from './readers.mjs'

/** Settings of each node, as in deploy/compose.yaml. */
const HANDOVER = '5s'

/** What two slow cores with a debug build keep up with: an answer that a node is overloaded would count as a failure. */
const SUBSCRIBERS = 25
const TRANSPORTS = ['transport-ws', 'sse', 'event-source', 'multipart', 'legacy-ws']
/** Orders per second. */
const ORDERS = 4
/** Queries per second, half by GET and half by POST. */
const QUERIES = 16
/** How often each node is restarted; ROUNDS in the environment sets another number. */
const ROUNDS = Number(process.env.ROUNDS ?? 1)

/** Milliseconds between restarts, in which nginx finds the restarted node again. */
const PAUSE = 2_000

test('a rolling restart loses no request and no event', { timeout: 600_000 + ROUNDS * 120_000 }, async (t) => {
  const seed = Number(process.env.SEED ?? 1)
  const cluster = await Cluster.start({
    electionTimeout: 10_000,
    settings: { ORDERWIRE_SERVER_HANDOVER: HANDOVER },
    nodes: [{}, {}, {}],
  })
  let good = false
  t.after(async () => {
    await cluster.stop(!good)
    if (!good) console.log(`The logs are in ${cluster.folder}; SEED=${seed}`)
  })
  const folder = join(cluster.folder, 'nginx')
  mkdirSync(folder)
  const nginx = await Nginx.start(folder, cluster.nodes.map(({ port }) => port))
  t.after(() => nginx.stop())
  good = await run(cluster, nginx, new Random(seed))
  assert.ok(good, 'something above is not 0')
})

/**
 * @param {Cluster} cluster
 * @param {Nginx} nginx
 * @param {Random} random
 */
async function run(cluster, nginx, random) {
  const { database } = cluster
  const anyNode = () => nginx.url
  const people = await makePeople(cluster, { staff: 3, customers: 10, anyNode })
  const products = await makeProducts(nginx.url, (await people.staff[0]?.token()) ?? '', 8)
  const cursors = await Cursors.of(database)
  const start = cursors.at(await headOfLog(database))
  const tally = new Tally()
  const sabotage = new Sabotage(undefined, cursors)
  const world = { anyNode, tally, start, cursors, sabotage, lives: new Lives() }
  const subscribers = Array.from({ length: SUBSCRIBERS }, (_, i) => {
    const transport = TRANSPORTS[i % TRANSPORTS.length] ?? ''
    const isStaff = i % 3 === 0
    const person = random.pick(isStaff ? people.staff : people.customers)
    const name = `subscriber ${i + 1} (${transport}, ${person.email})`
    const watches = isStaff ? 'all' : 'customer'
    return new Subscriber({ name, transport, person, watches, wide: false, fromNow: false }, random.fork(), world)
  })
  for (const subscriber of subscribers) subscriber.start()
  const writers = new Writers({ rate: ORDERS, people, products, database }, random.fork(), world)
  const readers = new Readers(nginx.url, QUERIES)

  const running = [writers.run(), readers.run()]
  let slowestStart = 0
  for (const node of Array.from({ length: ROUNDS }, () => cluster.nodes).flat()) {
    await sleep(PAUSE)
    await node.terminate()
    const began = performance.now()
    await node.start()
    slowestStart = Math.max(slowestStart, performance.now() - began)
  }
  await sleep(PAUSE)
  await Promise.all([writers.stop(), readers.stop(), ...running])

  await until('every change has its place in the log', () => isWholeLog(database))
  const log = new OrderLog(await readLog(database), writers.asked)
  const behind = () => subscribers.filter((subscriber) => !subscriber.hasCaughtUp(log)).map(({ who }) => who.name)
  await until('all subscribers have caught up', () => behind().length === 0).catch(() => {})
  const late = behind()
  // Time for messages that should not arrive.
  await sleep(1_000)
  for (const subscriber of subscribers) subscriber.stop()

  const streams = subscribers.flatMap((subscriber) => subscriber.streams)
  const findings = noFindings()
  for (const stream of streams) check(stream, log, findings)
  const { missing, unasked } = checkWrites(writers.acknowledged, log, await readState(database, 'orders'))
  const stock = checkStock(STOCK, log, await readState(database, 'products'))
  const { requests } = nginx.lines()
  const failed = requests.filter(({ status }) => status >= 500)
  const delay = delays(streams, writers.acknowledged, [])
  return report({
    faults: new Map([['nodes restarted', ROUNDS * cluster.nodes.length]]),
    figures: [
      ['slowest end after SIGTERM', `${Math.ceil(Math.max(...cluster.nodes.map((node) => node.slowestStop)))} ms`],
      ['slowest start', `${Math.ceil(slowestStart)} ms`],
      ['requests through nginx', requests.length],
      ['  that went to another node', requests.filter(({ node }) => node.includes(',')).length],
      ['queries', readers.times.length],
      ['  median, 99 %, slowest', readers.quantiles()],
      ['acknowledged writes', writers.acknowledged.length],
      ['subscriptions', streams.length],
      ['  deliveries', tally.deliveries],
      ['  reconnects', tally.reconnects],
      ['  because of', String(tally.ends)],
      ['worst delivery delay', `${delay.worst} ms (median ${delay.median} ms, of ${delay.count})`],
    ],
    findings,
    others: {
      'requests that nginx failed': failed.map((line) => JSON.stringify(line)),
      'queries that failed': readers.failures,
      'writes that were repeated': String(tally.repeats) === 'none' ? [] : [String(tally.repeats)],
      'answers from the idempotency key': Array(tally.replayed).fill('an order'),
      'acknowledged writes missing': missing,
      'writes without a request': unasked,
      'log entries out of place': checkLog(log),
      'products with a wrong stock': stock,
      'subscribers that did not catch up': late,
      'servers that ended by themselves': cluster.crashes,
      problems: tally.problems,
    },
  })
}
