// Injects faults while orders are placed and watched, then compares what each client received with the event log.
import { killAll } from '../lib/process.mjs'
import { sleep, until } from '../lib/wait.mjs'
import { cast, catchUp, consume, receive, receiveAll } from './audience.mjs'
import { Cluster } from './cluster.mjs'
import { Cursors } from './cursors.mjs'
import { Faults } from './faults.mjs'
import { writeHistory } from './history.mjs'
import { headOfLog, isWholeLog, readLog, readState } from './log.mjs'
import { readOptions, usage } from './options.mjs'
import { STOCK, makePeople, makeProducts } from './people.mjs'
import { Random } from '../lib/random.mjs'
import { delays, longestPause, report } from './report.mjs'
import { Sabotage } from './sabotage.mjs'
import { Tally } from './tally.mjs'
import { checkReceived } from './received.mjs'
import { OrderLog, check, checkLog, noFindings } from './verify.mjs'
import { Lives, Writers } from './writers.mjs'
import { checkStock, checkWrites } from './writes.mjs'

/** How long subscribers may take to catch up at the end, in milliseconds. */
const CATCH_UP = 90_000

/** How long to listen after that for updates that should not come, in milliseconds. */
const LISTEN = 1_500

async function main() {
  const options = read(process.argv.slice(2))
  const long = options.seconds > 120
  const random = new Random(options.seed)
  const { seconds, seed, subscribers, receivers, brokers, rate, mix } = options
  const watchers = `${subscribers} subscribers (${[...new Set(mix)].join(', ')}), ${receivers} webhooks`
  console.log(`chaos: ${seconds} s, ${[watchers, ...brokers].join(', ')}, ${rate} orders/s, --seed ${seed}`)

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
    brokers,
  })
  let good = false
  try {
    good = await run(cluster, options, random)
  } finally {
    await cluster.stop(!good)
    if (!good) console.log(`The servers' logs, and what everybody got, are in ${cluster.folder}; to repeat the schedule: --seed ${seed}`)
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
 * @param {Random} random
 */
async function run(cluster, options, random) {
  const [planRandom, peopleRandom, writerRandom, receiverRandom] = [random.fork(), random.fork(), random.fork(), random.fork()]
  const faultRandom = random.fork()
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
  const [receivers, consumers] = await Promise.all([
    receive(options.receivers, people.admin, receiverRandom, world),
    consume(cluster, world),
  ])
  const recipients = [...receivers, ...consumers]
  const writers = new Writers({ rate: options.rate, people, products, database }, writerRandom, world)
  const faults = new Faults(cluster, receivers, faultRandom, console.log)

  const writing = writers.run()
  const isEnough = () => writers.placed >= options.orders
  await Promise.all([faults.run(options.seconds, isEnough, planRandom), sleep(options.seconds * 1_000)])
  if (!isEnough()) tally.problem(`${writers.placed} orders were placed in place of ${options.orders}`)
  await writers.stop()
  await writing
  await until('every change has its place in the log', () => isWholeLog(database), CATCH_UP)
  const log = new OrderLog(await readLog(database), writers.asked)
  for (const receiver of receivers) receiver.settle()
  const began = performance.now()
  const late = (await Promise.all([catchUp(subscribers, log, CATCH_UP), receiveAll(recipients, log)])).flat()
  const settled = Math.ceil((performance.now() - began) / 1_000)
  await sleep(LISTEN)
  for (const subscriber of subscribers) subscriber.stop()
  await Promise.all(cluster.orderwires.map((process) => process.terminate()))
  await Promise.all(recipients.map((recipient) => recipient.stop()))

  const streams = subscribers.flatMap((subscriber) => subscriber.streams)
  const findings = noFindings()
  for (const stream of streams) check(stream, log, findings)
  for (const recipient of recipients) checkReceived(recipient, log, findings)
  const sum = (/** @type {(receiver: import('./receivers.mjs').Receiver) => number} */ count) => receivers.reduce((all, one) => all + count(one), 0)
  const { missing, unasked } = checkWrites(writers.acknowledged, log, await readState(database, 'orders'))
  const stock = checkStock(STOCK, log, await readState(database, 'products'))
  /** @type {[string, string][]} */
  const consumed = consumers.map(({ name, count, repeats }) => [`events for the ${name}`, `${count}, and ${repeats} again`])
  const delay = delays(streams, writers.acknowledged, faults.windows)
  const good = report({
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
      ['  replays after a hole', sum(({ replays }) => replays)],
      ...consumed,
      ['time until all had everything', `${settled} s`],
      ['worst delivery delay outside of faults', `${delay.worst} ms (median ${delay.median} ms, of ${delay.count})`],
    ],
    findings,
    others: {
      'acknowledged writes missing': missing,
      'writes without a request': unasked,
      'log entries out of place': checkLog(log),
      'products with a wrong stock': stock,
      'clients that did not catch up': late,
      'servers that ended by themselves': cluster.crashes,
      problems: [...tally.problems, ...recipients.flatMap(({ problems }) => problems)],
    },
  })
  if (!good) await writeHistory(cluster.folder, log, streams, recipients)
  return good
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, async () => {
    await killAll()
    Cluster.removeAll()
    process.exit(130)
  })
}

await main()
