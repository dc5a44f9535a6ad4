// The servers under test: a MongoDB replica set of three, Redis, and several nodes. Clients reach each node, and nodes each
// member of the replica set, through a proxy.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import { localPorts } from '../lib/peers.mjs'
import { Program, freePort } from '../lib/process.mjs'
import { Proxy } from '../lib/proxy.mjs'
import { GRACE, isReady, orderwire, secret } from '../lib/server.mjs'
import { Hopeless, soon, until } from '../lib/wait.mjs'

const DATABASE = 'shop'
/** The library that lets nodes see another time. Without it their clocks are the machine's. */
const faketime = process.env.ORDERWIRE_TEST_FAKETIME

/** A server that is killed and started again on the same port. */
class Server {
  /** @type {Program | undefined} */
  program
  /** Whether it has answered since it was last started. */
  ready = false
  /** Unexpected exits after it was ready. @type {string[]} */
  crashes = []
  #wanted = false

  /**
   * @param {string} name
   * @param {number} port
   * @param {string} folder
   */
  constructor(name, port, folder) {
    this.name = name
    this.port = port
    this.folder = join(folder, name)
    mkdirSync(this.folder)
    this.log = join(folder, `${name}.log`)
  }

  /** @returns {{ command: string, args: string[], env?: Record<string, string> }} */
  command() {
    throw new Error('of a kind of server')
  }

  /** @returns {Promise<boolean>} Whether it can serve. */
  async answers() {
    throw new Error('of a kind of server')
  }

  /** Starts it, again when it gives up before it is ready, and waits until it is. */
  async start() {
    this.#wanted = true
    await until(`${this.name} is ready`, async () => {
      const { exit } = this.program ?? {}
      if (exit && [126, 127].includes(exit.code ?? 0)) throw new Hopeless(`${this.command().command} can't be run`)
      if (!this.program || exit) this.#launch()
      return this.answers()
    }, 120_000)
    this.ready = true
  }

  #launch() {
    const { command, args, env } = this.command()
    const program = new Program(command, args, { cwd: this.folder, env, log: this.log })
    this.program = program
    program.exited.then(({ code, signal }) => {
      const asked = !this.#wanted || this.program !== program
      if (this.ready && !asked) this.crashes.push(`${this.name} ended by itself: ${signal ?? `exit code ${code}`}`)
      this.ready = false
    })
  }

  /** Ends it at once, as a power failure would. */
  async kill() {
    this.#wanted = false
    this.program?.kill('SIGKILL')
    await this.program?.exited
  }

  /** Waits for its end, which a fault brings about. */
  async ended() {
    this.#wanted = false
    if (this.program) await soon(`the end of ${this.name}`, this.program.exited)
  }

  /** @param {number} [within] Milliseconds. */
  async stop(within) {
    this.#wanted = false
    return this.program?.stop(within)
  }
}

export class Mongod extends Server {
  /**
   * @param {string} name
   * @param {number} port
   * @param {string} folder
   * @param {number} publicPort Under which the others know it.
   */
  constructor(name, port, folder, publicPort) {
    super(name, port, folder)
    this.publicPort = publicPort
    this.proxy = new Proxy(port)
  }

  get address() {
    return `127.0.0.1:${this.publicPort}`
  }

  command() {
    const args = ['--replSet', 'rs0', '--bind_ip', '127.0.0.1', '--port', String(this.port), '--dbpath', this.folder]
    args.push('--nounixsocket', '--wiredTigerCacheSizeGB', '0.25', '--oplogSize', '200')
    args.push('--setParameter', 'diagnosticDataCollectionEnabled=false')
    // A write past the limit of a file's size fails then, as on a full disk, and does not end the process by a signal.
    const script = 'trap "" XFSZ; ulimit -c 0; exec "$@"'
    return { command: 'bash', args: ['-c', script, 'mongod', process.env.ORDERWIRE_TEST_MONGOD ?? 'mongod', ...args] }
  }

  /** @param {object} command */
  async run(command) {
    const client = new MongoClient(`mongodb://127.0.0.1:${this.port}/?directConnection=true`, {
      serverSelectionTimeoutMS: 1_000,
    })
    try {
      return await client.db('admin').command(command)
    } finally {
      await client.close()
    }
  }

  async answers() {
    return (await this.run({ ping: 1 })).ok === 1
  }

  /** Whether it is a member in good standing: it has caught up, or leads. */
  async isMember() {
    const { isWritablePrimary, secondary } = await this.run({ hello: 1 })
    return isWritablePrimary || secondary
  }
}

class Redis extends Server {
  command() {
    const args = ['--bind', '127.0.0.1', '--port', String(this.port), '--save', '', '--appendonly', 'no']
    return { command: process.env.ORDERWIRE_TEST_REDIS_SERVER ?? 'redis-server', args }
  }

  /** @returns {Promise<boolean>} */
  answers() {
    return new Promise((resolve, reject) => {
      const socket = connect({ port: this.port, host: '127.0.0.1' }, () => socket.write('PING\r\n'))
      socket.once('data', (data) => {
        socket.destroy()
        resolve(data.toString().startsWith('+PONG'))
      })
      socket.once('error', reject)
    })
  }
}

export class Node extends Server {
  /** What clients connect to. */
  url = ''
  /** The longest time from SIGTERM to the end of the process, in milliseconds. */
  slowestStop = 0

  /**
   * @param {string} name
   * @param {number} port
   * @param {string} folder
   * @param {Record<string, string>} env
   */
  constructor(name, port, folder, env) {
    super(name, port, folder)
    this.clock = join(folder, `${name}.clock`)
    writeFileSync(this.clock, '+0')
    const clock = faketime && {
      LD_PRELOAD: faketime,
      FAKETIME_TIMESTAMP_FILE: this.clock,
      FAKETIME_CACHE_DURATION: '1',
      // Timers go on.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    }
    this.env = { ...env, ...clock, BIND: `127.0.0.1:${port}` }
    this.proxy = new Proxy(port)
  }

  /**
   * Lets it see another time than the machine's.
   *
   * @param {string} offset As libfaketime takes it: `-10m`.
   */
  setClock(offset) {
    if (!faketime) throw new Error('ORDERWIRE_TEST_FAKETIME is not the path of libfaketimeMT.so.1: use scripts/chaos')
    writeFileSync(this.clock, offset)
  }

  /** What it says of itself. */
  async readiness() {
    const response = await fetch(`http://127.0.0.1:${this.port}/readyz`, { signal: AbortSignal.timeout(10_000) })
    return response.text()
  }

  command() {
    return { command: orderwire, args: ['serve'], env: this.env }
  }

  answers() {
    return isReady(this.port)
  }

  async listen() {
    this.url = `http://127.0.0.1:${await this.proxy.listen()}/graphql`
  }

  /** Asks it to stop. It must stop in time and with success. */
  async terminate() {
    const began = performance.now()
    const exit = await this.stop(GRACE)
    this.slowestStop = Math.max(this.slowestStop, performance.now() - began)
    if (exit && (exit.code !== 0 || exit.signal)) {
      this.crashes.push(`${this.name} did not stop well: ${exit.signal ?? `exit code ${exit.code}`}`)
    }
  }
}

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
   */
  static async start({ electionTimeout, settings, nodes }) {
    const folder = mkdtempSync(join(tmpdir(), 'orderwire-chaos-'))
    Cluster.#folders.add(folder)
    const ports = []
    for (let i = 0; i < 7 + nodes.length; i++) ports.push(await freePort())
    const cluster = new Cluster(folder, ports, settings, nodes)
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
    for (const { proxy, publicPort } of this.mongods) await proxy.listen(publicPort)
    await Promise.all([...this.mongods, this.redis].map((server) => server.start()))
    const members = this.mongods.map(({ address }, id) => ({ _id: id, host: address }))
    const config = { _id: 'rs0', members, settings: { electionTimeoutMillis: electionTimeout } }
    await this.mongods[0]?.run({ replSetInitiate: config })
    await this.hasPrimary()
    for (const node of this.nodes) await node.listen()
    await Promise.all(this.nodes.map((node) => node.start()))
  }

  /**
   * @param {string} folder
   * @param {number[]} ports
   * @param {Record<string, string>} settings
   * @param {Record<string, string>[]} nodes
   */
  constructor(folder, ports, settings, nodes) {
    this.folder = folder
    const [redis = 0, ...others] = ports
    const next = () => others.shift() ?? 0
    this.mongods = [1, 2, 3].map((number) => new Mongod(`mongod-${number}`, next(), folder, next()))
    this.redis = new Redis('redis', redis, folder)
    const hosts = this.mongods.map(({ address }) => address).join(',')
    const env = {
      ORDERWIRE_ENV: 'production',
      DATABASE_URL: `mongodb://${hosts}/${DATABASE}?replicaSet=rs0`,
      REDIS_URL: `redis://127.0.0.1:${redis}`,
      JWT_SECRET: secret,
      ...settings,
    }
    this.env = env
    this.nodes = nodes.map((own, i) => new Node(`node-${i + 1}`, next(), folder, { ...env, ...own }))
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

  /** All servers. */
  get servers() {
    return [...this.mongods, this.redis, ...this.nodes]
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
    await Promise.all(this.nodes.map((node) => node.kill()))
    await this.client.close()
    await Promise.all([...this.mongods, this.redis].map((server) => server.kill()))
    const folders = keep ? this.servers.map(({ folder }) => folder) : [this.folder]
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  }
}
