// The brokers that events are relayed to.
import { connect } from 'node:net'
import { Kafka as KafkaClient, logLevel } from 'kafkajs'
import { Connection } from 'rabbitmq-client'
import { Server } from './servers.mjs'

/** The exchange of RabbitMQ, its one queue, and the topic of Kafka. */
export const PLACE = 'orderwire'

/** RabbitMQ, whose queue is durable: it may be killed. */
export class RabbitMq extends Server {
  get url() {
    return `amqp://guest:guest@127.0.0.1:${this.port}`
  }

  command() {
    return { command: process.env.ORDERWIRE_TEST_RABBITMQ ?? 'rabbitmq', args: [String(this.port), this.folder] }
  }

  /** Whether it answers, and has the queue: relays wait until there is one. */
  async answers() {
    await accepts(this.port)
    const connection = new Connection({ url: this.url, connectionTimeout: 5_000 })
    try {
      await new Promise((resolve, reject) => {
        connection.once('connection', resolve)
        connection.once('error', reject)
      })
      await connection.exchangeDeclare({ exchange: PLACE, type: 'topic', durable: true })
      await connection.queueDeclare({ queue: PLACE, durable: true })
      await connection.queueBind({ exchange: PLACE, queue: PLACE, routingKey: '#' })
      return true
    } finally {
      connection.on('error', () => {})
      connection.unsafeDestroy()
    }
  }
}

/** Tansu, a broker of Kafka's protocol, which holds its topics in memory: it may not be killed. */
export class Kafka extends Server {
  get address() {
    return `127.0.0.1:${this.port}`
  }

  command() {
    const url = `tcp://${this.address}`
    const args = ['broker', '--listener-url', url, '--advertised-listener-url', url, '--storage-engine', 'memory://tansu/']
    return { command: process.env.ORDERWIRE_TEST_TANSU ?? 'tansu', args }
  }

  /** Whether it answers, and has the topic. */
  async answers() {
    await accepts(this.port)
    const admin = kafka(this.address).admin()
    try {
      await admin.connect()
      await admin.createTopics({ topics: [{ topic: PLACE, numPartitions: 1, replicationFactor: 1 }] })
      return (await admin.listTopics()).includes(PLACE)
    } finally {
      await admin.disconnect()
    }
  }
}

/**
 * A client of a broker of Kafka's protocol.
 *
 * @param {string} address
 */
export function kafka(address) {
  return new KafkaClient({ brokers: [address], logLevel: logLevel.NOTHING, retry: { maxRetryTime: 2_000 } })
}

/**
 * Fails unless something listens on the port.
 *
 * @param {number} port
 * @returns {Promise<void>}
 */
function accepts(port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => resolve(void socket.destroy()))
    socket.once('error', reject)
  })
}
