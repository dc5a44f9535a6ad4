// The kinds of servers that are killed and started again.
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import { Program } from '../lib/process.mjs'
import { Proxy } from '../lib/proxy.mjs'
import { GRACE, isReady, orderwire } from '../lib/server.mjs'
import { Hopeless, soon, until } from '../lib/wait.mjs'

/** The library that lets nodes see another time. Without it their clocks are the machine's. */
const faketime = process.env.ORDERWIRE_TEST_FAKETIME

/** A server that is killed and started again on the same port. */
export class Server {
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

export class Redis extends Server {
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

/** A process of Orderwire that stops when it is asked to. */
class Orderwire extends Server {
  /** The longest time from SIGTERM to the end of the process, in milliseconds. */
  slowestStop = 0

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

/** Sends webhooks, as nodes do. */
export class Worker extends Orderwire {
  /**
   * @param {string} name
   * @param {number} port Of its metrics.
   * @param {string} folder
   * @param {Record<string, string>} env
   */
  constructor(name, port, folder, env) {
    super(name, port, folder)
    this.env = { ...env, METRICS_BIND: `127.0.0.1:${port}` }
  }

  command() {
    return { command: orderwire, args: ['worker'], env: this.env }
  }

  async answers() {
    const response = await fetch(`http://127.0.0.1:${this.port}/metrics`, { signal: AbortSignal.timeout(10_000) })
    await response.arrayBuffer()
    return response.ok
  }
}

export class Node extends Orderwire {
  /** What clients connect to. */
  url = ''

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
}
