// Injects faults while orders are placed and watched, then compares what each client received with the event log.
import { killAll } from '../lib/process.mjs'
import { sleep, until } from '../lib/wait.mjs'
import { Cluster } from './cluster.mjs'
import { Faults, describe, plan } from './faults.mjs'
import { Cursors } from './cursors.mjs'
import { headOfLog, isWholeLog, readLog, readState } from './log.mjs'
import { readOptions, usage } from './options.mjs'
import { MANNERS, Receiver } from './receivers.mjs'
import { STOCK, makePeople, makeProducts } from './people.mjs'
import { Random } from '../lib/random.mjs'
import { delays, longestPause, report } from './report.mjs'
import { Sabotage } from './sabotage.mjs'
import { Subscriber } from './subscriber.mjs'
import { Tally } from './tally.mjs'
import { OrderLog, check, checkLog, checkReceived, checkStock, checkWrites, noFindings } from './verify.mjs'
import { Lives, Writers } from './writers.mjs'

/** How long subscribers may take to catch up at the end, in milliseconds. */
const CATCH_UP = 90_000

/**
 * How long no receiver may get anything new before all have everything, in milliseconds: they wait for the leases of processes that
 * were killed, and until they are tried again.
 */
const RECEIVERS_PAUSE = 90_000

/** How long to listen after that for updates that should not come, in milliseconds. */
const LISTEN = 1_500

async function main() {
  const options = read(process.argv.slice(2))
  const long = options.seconds > 120
  const random = new Random(options.seed)
  const [faultRandom, peopleRandom, writerRandom, receiverRandom] = [random.fork(), random.fork(), random.fork(), random.fork()]
  const schedule = plan(options.seconds, faultRandom)
  const { seconds, seed, subscribers, receivers, rate, mix } = options
  const watchers = `${subscribers} subscribers (${[...new Set(mix)].join(', ')}), ${receivers} webhooks`
  console.log(`chaos: ${seconds} s, ${watchers}, ${rate} orders/s, --seed ${seed}`)
  console.log(['planned:', ...describe(schedule)].join('\n'))

  const cluster = await Cluster.start({
    electionTimeout: long ? 10_000 : 2_000,
    settings: {
      ORDERWIRE_AUTH_ACCESS_TOKEN_LIFETIME: long ? '60s' : '15s',
      ORDERWIRE_WEBHOOKS_ALLOWED_NETWORKS: '127.0.0.0/8',
      ORDERWIRE_WEBHOOKS_ENCRYPTION_KEYS: `chaos:${Buffer.alloc(32, 'chaos').toString('base64')}`,
      ORDERWIRE_WEBHOOKS_TIMEOUT: '2s',
    },
    // The second keeps so few events in memory that clients who come back read the log. The first sends webhooks, as the worker
    // does.
    nodes: [{}, { ORDERWIRE_FEED_RECENT: '64', ORDERWIRE_WORKER_EMBEDDED: 'false' }],
  })
  let good = false
  try {
    good = await run(cluster, options, schedule, { faultRandom, peopleRandom, writerRandom, receiverRandom })
  } finally {
    await cluster.stop(!good)
    if (!good) console.log(`The servers' logs are in ${cluster.folder}; to repeat the schedule: --seed ${options.seed}`)
  }
  // Clients may still be reconnecting to servers that have stopped.
  process.exit(good ? 0 : 1)
}

/** @param {string[]} args */
function read(args) {
  try {
    const options = readOptions(args)
    if (options !== 'help') return options
    console.log(usage)
    process.exit(0)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${usage}`)
    process.exit(2)
  }
}

/**
 * @param {Cluster} cluster
 * @param {import('./options.mjs').Options} options
 * @param {import('./faults.mjs').Fault[][][]} schedule
 * @param {{ [name in 'faultRandom' | 'peopleRandom' | 'writerRandom' | 'receiverRandom']: Random }} randoms
 */
async function run(cluster, options, schedule, { faultRandom, peopleRandom, writerRandom, receiverRandom }) {
  const { database } = cluster
  const anyNode = () => peopleRandom.pick(cluster.nodes).url
  const people = await makePeople(cluster, { staff: 3, customers: 10, anyNode })
  const products = await makeProducts(anyNode(), (await people.staff[0]?.token()) ?? '', 8)
  const cursors = await Cursors.of(database)
  const start = cursors.at(await headOfLog(database))
  const tally = new Tally()
  const sabotage = new Sabotage(options.sabotage, cursors)
  const world = { anyNode, tally, start, cursors, sabotage, lives: new Lives() }
  const subscribers = cast(options, people, peopleRandom, world)
  for (const subscriber of subscribers) subscriber.start()
  const receivers = await receive(options.receivers, people.admin, receiverRandom, world)
  const writers = new Writers({ rate: options.rate, people, products, database }, writerRandom, world)
  const faults = new Faults(cluster, receivers, faultRandom, console.log)

  console.log('happening:')
  const writing = writers.run()
  await Promise.all([faults.run(schedule), sleep(options.seconds * 1_000)])
  await writers.stop()
  await writing
  await until('every change has its place in the log', () => isWholeLog(database), CATCH_UP)
  const log = new OrderLog(await readLog(database))
  for (const receiver of receivers) receiver.settle()
  const began = performance.now()
  const late = (await Promise.all([catchUp(subscribers, log), receiveAll(receivers, log)])).flat()
  const settled = Math.ceil((performance.now() - began) / 1_000)
  await sleep(LISTEN)
  for (const subscriber of subscribers) subscriber.stop()
  await Promise.all(cluster.orderwires.map((process) => process.terminate()))
  await Promise.all(receivers.map((receiver) => receiver.stop()))

  const streams = subscribers.flatMap((subscriber) => subscriber.streams)
  const findings = noFindings()
  for (const stream of streams) check(stream, log, findings)
  for (const receiver of receivers) checkReceived(receiver, log, findings)
  const sum = (/** @type {(receiver: Receiver) => number} */ count) => receivers.reduce((all, one) => all + count(one), 0)
  const { missing, unasked } = checkWrites(writers.acknowledged, writers.tried, log, await readState(database, 'orders'))
  const stock = checkStock(STOCK, log, await readState(database, 'products'))
  const delay = delays(streams, writers.acknowledged, faults.windows)
  return report({
    faults: faults.counts,
    figures: [
      ['connections cut or stalled', faults.connections],
      ['reconnects', tally.reconnects],
      ['  because of', String(tally.ends)],
      ['slowest answer to SIGTERM', `${Math.ceil(Math.max(...cluster.orderwires.map(({ slowestStop }) => slowestStop)))} ms`],
      ['sign-ins', [...people.staff, ...people.customers].reduce((sum, person) => sum + person.signIns, 0)],
      ['orders', log.byOrder.size],
      ['entries of the log', log.all.length],
      ['acknowledged writes', writers.acknowledged.length],
      ['longest time without one', `${longestPause(writers.acknowledged)} ms`],
      ['repeated calls, because of', String(tally.repeats)],
      ['answers from the idempotency key', tally.replayed],
      ['subscriptions', streams.length],
      ['deliveries', tally.deliveries],
      ['requests to webhooks', sum(({ requests }) => requests)],
      ['  events taken', sum(({ taken, repeats }) => taken.length - repeats)],
      ['  events that came again', sum(({ repeats }) => repeats)],
      ['  time until all had everything', `${settled} s`],
      ['  replays after a hole', sum(({ replays }) => replays)],
      ['worst delivery delay outside of faults', `${delay.worst} ms (median ${delay.median} ms, of ${delay.count})`],
    ],
    findings,
    others: {
      'acknowledged writes missing': missing,
      'writes without a request': unasked,
      'log entries out of place': checkLog(log),
      'products with a wrong stock': stock,
      'subscribers and receivers that did not catch up': late,
      'servers that ended by themselves': cluster.crashes,
      problems: [...tally.problems, ...receivers.flatMap(({ problems }) => problems)],
    },
  })
}

/**
 * Who watches what, over which transport.
 *
 * @param {import('./options.mjs').Options} options
 * @param {Awaited<ReturnType<typeof makePeople>>} people
 * @param {Random} random
 * @param {import('./subscriber.mjs').World} world
 */
function cast({ subscribers, mix }, people, random, world) {
  return Array.from({ length: subscribers }, (_, i) => {
    // Of twenty: three staff watch everything, one a single customer, ten customers their own, six one order.
    const place = i % 20
    const watches = place < 3 ? 'all' : place < 14 ? 'customer' : 'order'
    const isStaff = place < 4 || place >= 17
    const person = random.pick(isStaff ? people.staff : people.customers)
    const customerId = place === 3 ? random.pick(people.customers).id : undefined
    // The transports in turn within each role, so that each gets all roles.
    const transport = mix[Math.floor(i / 20 + place) % mix.length] ?? ''
    const name = `subscriber ${i + 1} (${transport}, ${person.email})`
    const [wide, fromNow] = [random.chance(0.2), random.chance(0.1)]
    return new Subscriber({ name, transport, person, watches, customerId, wide, fromNow }, random.fork(), world)
  })
}

/**
 * Makes webhooks whose receivers fail in each of the ways.
 *
 * @param {number} count
 * @param {import('./people.mjs').Person} admin
 * @param {Random} random
 * @param {import('./subscriber.mjs').World} world
 */
async function receive(count, admin, random, world) {
  const manners = Object.keys(MANNERS)
  const receivers = Array.from({ length: count }, (_, i) => {
    const manner = manners[i % manners.length] ?? 'sound'
    return new Receiver(manner, i % 3 === 0, admin, random.fork(), world)
  })
  await Promise.all(receivers.map((receiver) => receiver.start()))
  return receivers
}

/**
 * Waits until all have got everything.
 *
 * @param {Subscriber[]} subscribers
 * @param {OrderLog} log
 * @returns {Promise<string[]>} Those that have not.
 */
async function catchUp(subscribers, log) {
  const behind = () => subscribers.filter((subscriber) => !subscriber.hasCaughtUp(log))
  try {
    await until('all subscribers have caught up', () => behind().length === 0, CATCH_UP)
  } catch {
    return behind().map(({ who }) => who.name)
  }
  return []
}

/**
 * Waits until all receivers have everything, for as long as they get something. A receiver that fails at times takes its time: the
 * server waits before it tries again.
 *
 * @param {Receiver[]} receivers
 * @param {OrderLog} log
 * @returns {Promise<string[]>} Those that have not got everything.
 */
async function receiveAll(receivers, log) {
  let [count, since] = [0, performance.now()]
  for (;;) {
    const behind = receivers.filter((receiver) => !receiver.hasCaughtUp(log))
    const now = receivers.reduce((sum, receiver) => sum + receiver.count, 0)
    if (now !== count) [count, since] = [now, performance.now()]
    if (behind.length === 0 || performance.now() - since > RECEIVERS_PAUSE) return behind.map(({ name }) => name)
    await sleep(250)
  }
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, async () => {
    await killAll()
    Cluster.removeAll()
    process.exit(130)
  })
}

await main()
