// Consumers of the brokers: each takes whatever it is given, and records it.
import { Connection } from 'rabbitmq-client'
import { soon } from '../lib/wait.mjs'
import { PLACE, kafka } from './brokers.mjs'
import { Recipient, eventId } from './recipient.mjs'

const CLOUD_EVENT = 'application/cloudevents+json'

/** All kinds that leave the server. */
const ENTITY_KINDS = ['ORDER', 'PRODUCT', 'TASK', 'USER']

/** Takes CloudEvents from the beginning of the log on. */
export class Consumer extends Recipient {
  /**
   * @param {string} broker
   * @param {import('./subscriber.mjs').World} world
   */
  constructor(broker, world) {
    super(`consumer of ${broker}`, ENTITY_KINDS, world)
  }

  /**
   * Takes a message. Its attributes must agree with its data, and with what the broker was told of it.
   *
   * @param {string} text
   * @param {Record<string, unknown>} told Attributes that the broker was told.
   */
  receive(text, told) {
    const event = JSON.parse(text)
    const { id, cursor, kind, entityId, occurredAt } = event.data
    const type = kind.toLowerCase().replace('_', '.')
    const own = { specversion: '1.0', id, cursor, type, subject: entityId, time: occurredAt }
    for (const [name, value] of [own, told].flatMap((attributes) => Object.entries(attributes))) {
      if (event[name] !== value) this.problems.push(`${this.name}: ${name} of ${id} is ${event[name]} in place of ${value}`)
    }
    const previous = event.previousid === undefined ? '' : eventId(event.previousid)
    if (!this.has(eventId(id)) && previous !== this.last) {
      this.problems.push(`${this.name}: ${id} is after ${event.previousid}, which is not what came before it`)
    }
    this.take(event.data, cursor)
  }

  /** Takes note of a message that can't be read. @param {() => void} receive */
  guard(receive) {
    try {
      receive()
    } catch (error) {
      this.problems.push(`${this.name}: ${error instanceof Error ? error.message : error}`)
    }
  }
}

/** Consumes the queue of RabbitMQ, and comes back when RabbitMQ does. */
export class RabbitMqConsumer extends Consumer {
  #connection
  /** @type {import('rabbitmq-client').Consumer | undefined} */
  #consumer

  /**
   * @param {import('./brokers.mjs').RabbitMq} broker
   * @param {import('./subscriber.mjs').World} world
   */
  constructor(broker, world) {
    super('RabbitMQ', world)
    this.#connection = new Connection({ url: broker.url, retryLow: 250, retryHigh: 2_000 })
    this.#connection.on('error', () => {})
  }

  async start() {
    // One at a time, so that they are taken in their order.
    const how = { queue: PLACE, queueOptions: { passive: true }, concurrency: 1, qos: { prefetchCount: 100 } }
    const consumer = this.#connection.createConsumer(how, ({ body, messageId, routingKey, contentType, durable }) =>
      this.guard(() => {
        if (contentType !== CLOUD_EVENT || !durable) this.problems.push(`${this.name}: ${messageId} is ${contentType}`)
        this.receive(String(body), { id: messageId, type: routingKey })
      }))
    consumer.on('error', () => {})
    this.#consumer = consumer
  }

  async stop() {
    await soon(`the end of the ${this.name}`, Promise.resolve(this.#consumer?.close()))
    await soon(`the end of the ${this.name}`, this.#connection.close())
  }
}

/** Consumes the topic of Kafka. */
export class KafkaConsumer extends Consumer {
  #consumer

  /**
   * @param {import('./brokers.mjs').Kafka} broker
   * @param {import('./subscriber.mjs').World} world
   */
  constructor(broker, world) {
    super('Kafka', world)
    // Tansu takes half of the session's time to let a consumer in.
    this.#consumer = kafka(broker.address).consumer({ groupId: 'chaos', sessionTimeout: 10_000, maxWaitTimeInMs: 500 })
  }

  async start() {
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topics: [PLACE], fromBeginning: true })
    await this.#consumer.run({
      eachMessage: async ({ message: { key, value, headers } }) =>
        this.guard(() => {
          const contentType = String(headers?.['content-type'])
          if (contentType !== CLOUD_EVENT) this.problems.push(`${this.name}: a message is ${contentType}`)
          this.receive(String(value), { subject: String(key) })
        }),
    })
  }

  async stop() {
    await soon(`the end of the ${this.name}`, this.#consumer.disconnect())
  }
}
