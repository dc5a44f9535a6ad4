// The servers under test: a MongoDB replica set of three, Redis, several nodes, a worker, and brokers. Clients reach each node, and
// nodes each member of the replica set, through a proxy.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import { localPorts } from '../lib/peers.mjs'
import { freePort, run } from '../lib/process.mjs'
import { orderwire, secret } from '../lib/server.mjs'
import { until } from '../lib/wait.mjs'
import { Kafka, RabbitMq } from './brokers.mjs'
import { Mongod, Node, Redis, Worker } from './servers.mjs'

const DATABASE = 'shop'

export class Cluster {
  /** @type {Set<string>} */
  static #folders = new Set()
  /** @type {Mongod[]} */
  mongods = []
  /** @type {Node[]} */
  nodes = []

  /**
   * @param {object} options
   * @param {number} options.electionTimeout Milliseconds until a primary that is gone is noticed.
   * @param {Record<string, string>} options.settings Of all nodes.
   * @param {Record<string, string>[]} options.nodes What each has besides.
   * @param {string[]} [options.brokers] To which events are relayed: `rabbitmq`, `kafka`.
   */
  static async start({ electionTimeout, settings, nodes, brokers = [] }) {
    const folder = mkdtempSync(join(tmpdir(), 'orderwire-chaos-'))
    Cluster.#folders.add(folder)
    const ports = []
    for (let i = 0; i < 10 + nodes.length; i++) ports.push(await freePort())
    const cluster = new Cluster(folder, ports, settings, nodes, brokers)
    try {
      await cluster.#boot(electionTimeout)
    } catch (error) {
      await cluster.stop(true)
      throw error
    }
    return cluster
  }

  /** @param {number} electionTimeout */
  async #boot(electionTimeout) {
    // Says what it was built without.
    await run(orderwire, ['check-config'], { cwd: this.folder, env: this.env })
    for (const { proxy, publicPort } of this.mongods) await proxy.listen(publicPort)
    await Promise.all([...this.mongods, this.redis, ...this.brokers].map((server) => server.start()))
    const members = this.mongods.map(({ address }, id) => ({ _id: id, host: address }))
    const config = { _id: 'rs0', members, settings: { electionTimeoutMillis: electionTimeout } }
    await this.mongods[0]?.run({ replSetInitiate: config })
    await this.hasPrimary()
    for (const node of this.nodes) await node.listen()
    await Promise.all(this.orderwires.map((process) => process.start()))
  }

  /**
   * @param {string} folder
   * @param {number[]} ports
   * @param {Record<string, string>} settings
   * @param {Record<string, string>[]} nodes
   * @param {string[]} brokers
   */
  constructor(folder, ports, settings, nodes, brokers) {
    this.folder = folder
    const [redis = 0, ...others] = ports
    const next = () => others.shift() ?? 0
    this.mongods = [1, 2, 3].map((number) => new Mongod(`mongod-${number}`, next(), folder, next()))
    this.redis = new Redis('redis', redis, folder)
    if (brokers.includes('rabbitmq')) this.rabbitmq = new RabbitMq('rabbitmq', next(), folder)
    if (brokers.includes('kafka')) this.kafka = new Kafka('kafka', next(), folder)
    const hosts = this.mongods.map(({ address }) => address).join(',')
    const env = {
      ORDERWIRE_ENV: 'production',
      DATABASE_URL: `mongodb://${hosts}/${DATABASE}?replicaSet=rs0`,
      REDIS_URL: `redis://127.0.0.1:${redis}`,
      JWT_SECRET: secret,
      ...(this.rabbitmq && { ORDERWIRE_RABBITMQ_URL: this.rabbitmq.url }),
      ...(this.kafka && { ORDERWIRE_KAFKA_BROKERS: this.kafka.address }),
      ...settings,
    }
    this.env = env
    this.nodes = nodes.map((own, i) => new Node(`node-${i + 1}`, next(), folder, { ...env, ...own }))
    this.worker = new Worker('worker', next(), folder, env)
    this.client = new MongoClient(env.DATABASE_URL, { serverSelectionTimeoutMS: 60_000 })
  }

  get database() {
    return this.client.db(DATABASE)
  }

  /** The mongod that leads. */
  async primary() {
    const { primary } = await this.client.db('admin').command({ hello: 1 })
    const found = this.mongods.find(({ address }) => primary === address)
    if (!found) throw new Error('there is no primary')
    return found
  }

  /** Waits until a member leads that all writes go to. */
  async hasPrimary() {
    const leads = async () => (await this.client.db('admin').command({ hello: 1 })).isWritablePrimary
    await until('a primary', leads, 120_000)
  }

  /** Waits until what was written is confirmed by a majority. */
  async confirmsWrites() {
    const write = () => this.database.collection('chaos').insertOne({}, { writeConcern: { w: 'majority' } })
    await until('a confirmed write', write, 120_000)
  }

  /** The processes under test. */
  get orderwires() {
    return [...this.nodes, this.worker]
  }

  get brokers() {
    return [this.rabbitmq, this.kafka].filter((broker) => broker !== undefined)
  }

  /** All servers. */
  get servers() {
    return [...this.mongods, this.redis, ...this.brokers, ...this.orderwires]
  }

  /** Those that may be killed. */
  get durable() {
    return this.servers.filter((server) => server !== this.kafka)
  }

  /**
   * Cuts a node from MongoDB: what it sends is not carried any more, nor what is sent to it, and new connections are reset.
   *
   * @param {Node} node
   * @returns {() => void} Connects them again; the connections from before are lost.
   */
  cutFromDatabase(node) {
    const ports = () => localPorts(node.program?.child.pid)
    const now = ports()
    const all = this.mongods.flatMap(({ proxy }) => [...proxy.connections])
    const open = all.filter(({ client }) => now.has(client.remotePort ?? 0))
    for (const connection of open) connection.stall()
    for (const { proxy } of this.mongods) proxy.refuses = ({ remotePort }) => ports().has(remotePort ?? 0)
    return () => {
      for (const { proxy } of this.mongods) proxy.refuses = () => false
      for (const connection of open) connection.cut()
    }
  }

  get crashes() {
    return this.servers.flatMap(({ crashes }) => crashes)
  }

  /** Removes what a run that is cut off would leave behind. */
  static removeAll() {
    for (const folder of Cluster.#folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }

  /** Ends everything; `keep` leaves the logs. @param {boolean} keep */
  async stop(keep) {
    for (const { proxy } of [...this.nodes, ...this.mongods]) proxy.close()
    await Promise.all(this.orderwires.map((process) => process.kill()))
    await this.client.close()
    await Promise.all([...this.mongods, this.redis, ...this.brokers].map((server) => server.kill()))
    const folders = keep ? this.servers.map(({ folder }) => folder) : [this.folder]
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  }
}
