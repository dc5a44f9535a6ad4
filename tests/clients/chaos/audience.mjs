// Who watches, who is sent what, and the wait until all have everything.
import { sleep, until } from '../lib/wait.mjs'
import { KafkaConsumer, RabbitMqConsumer } from './consumers.mjs'
import { MANNERS, Receiver } from './receivers.mjs'
import { Subscriber } from './subscriber.mjs'

/**
 * How long no recipient may get anything new before all have everything, in milliseconds: they wait for the leases of processes that
 * were killed, and until they are tried again.
 */
const RECIPIENTS_PAUSE = 90_000

/**
 * Who watches what, over which transport.
 *
 * @param {import('./options.mjs').Options} options
 * @param {Awaited<ReturnType<typeof import('./people.mjs').makePeople>>} people
 * @param {import('../lib/random.mjs').Random} random
 * @param {import('./subscriber.mjs').World} world
 */
export function cast({ subscribers, mix }, people, random, world) {
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
 * @param {import('../lib/random.mjs').Random} random
 * @param {import('./subscriber.mjs').World} world
 */
export async function receive(count, admin, random, world) {
  const manners = Object.keys(MANNERS)
  const receivers = Array.from({ length: count }, (_, i) => {
    const manner = manners[i % manners.length] ?? 'sound'
    return new Receiver(manner, i % 3 === 0, admin, random.fork(), world)
  })
  await Promise.all(receivers.map((receiver) => receiver.start()))
  return receivers
}

/**
 * Has the brokers' messages consumed.
 *
 * @param {import('./cluster.mjs').Cluster} cluster
 * @param {import('./subscriber.mjs').World} world
 */
export async function consume({ rabbitmq, kafka }, world) {
  const consumers = []
  if (rabbitmq) consumers.push(new RabbitMqConsumer(rabbitmq, world))
  if (kafka) consumers.push(new KafkaConsumer(kafka, world))
  await Promise.all(consumers.map((consumer) => consumer.start()))
  return consumers
}

/**
 * Waits until all have got everything.
 *
 * @param {Subscriber[]} subscribers
 * @param {import('./verify.mjs').OrderLog} log
 * @param {number} within Milliseconds.
 * @returns {Promise<string[]>} Those that have not.
 */
export async function catchUp(subscribers, log, within) {
  const behind = () => subscribers.filter((subscriber) => !subscriber.hasCaughtUp(log))
  try {
    await until('all subscribers have caught up', () => behind().length === 0, within)
  } catch {
    return behind().map(({ who }) => who.name)
  }
  return []
}

/**
 * Waits until all recipients have everything, for as long as they get something. A receiver that fails at times takes its time: the
 * server waits before it tries again.
 *
 * @param {import('./recipient.mjs').Recipient[]} recipients
 * @param {import('./verify.mjs').OrderLog} log
 * @returns {Promise<string[]>} Those that have not got everything.
 */
export async function receiveAll(recipients, log) {
  let [count, since] = [0, performance.now()]
  for (;;) {
    const behind = recipients.filter((recipient) => !recipient.hasCaughtUp(log))
    const now = recipients.reduce((sum, recipient) => sum + recipient.count, 0)
    if (now !== count) [count, since] = [now, performance.now()]
    if (behind.length === 0 || performance.now() - since > RECIPIENTS_PAUSE) return behind.map(({ name }) => name)
    await sleep(250)
  }
}
