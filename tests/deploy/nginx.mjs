// The real nginx with the configuration of deploy/nginx/orderwire.conf, on loopback.
import { chmodSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { Program, freePort } from '../clients/lib/process.mjs'
import { Hopeless, until } from '../clients/lib/wait.mjs'

const CONFIGURATION = resolve(import.meta.dirname, '../../deploy/nginx/orderwire.conf')

/**
 * A line of the access log.
 *
 * @typedef {object} Line
 * @property {string} method
 * @property {string} path
 * @property {number} status
 * @property {number} seconds
 * @property {string} node Addresses of the nodes that were tried, separated by commas; empty if none was asked.
 * @property {string} cache How the cache was used.
 */

export class Nginx {
  /**
   * @param {string} folder An empty one.
   * @param {number[]} nodes Ports.
   */
  static async start(folder, nodes) {
    const nginx = new Nginx(folder, await freePort())
    chmodSync(folder, 0o755) // its workers may be another user
    symlinkSync(CONFIGURATION, join(folder, 'orderwire.conf'))
    writeFileSync(join(folder, 'listen.conf'), `listen 127.0.0.1:${nginx.port};\n`)
    // The servers of deploy/nginx/servers.conf, with other addresses.
    const servers = nodes.map((port) => `server 127.0.0.1:${port} max_fails=3 fail_timeout=5s;\n`)
    writeFileSync(join(folder, 'servers.conf'), servers.join(''))
    await nginx.check(folder)
    nginx.program = new Program(command, [...nginx.args, '-g', 'daemon off;'], { cwd: folder, log: nginx.log })
    await until('nginx listens', () => {
      if (nginx.program?.exit) throw new Hopeless(`nginx ended: ${readFileSync(nginx.log, 'utf8')}`)
      return accepts(nginx.port)
    })
    return nginx
  }

  /** @type {Program | undefined} */
  program

  /**
   * @param {string} folder
   * @param {number} port
   */
  constructor(folder, port) {
    this.port = port
    this.origin = `http://127.0.0.1:${port}`
    this.url = `${this.origin}/graphql`
    this.log = join(folder, 'log')
    this.args = ['-p', folder, '-c', join(folder, 'orderwire.conf')]
  }

  /** @param {string} folder */
  async check(folder) {
    // To a file: nginx opens /dev/stdout, which it can't when that is a socket.
    const log = join(folder, 'check')
    const { code } = await new Program(command, [...this.args, '-t'], { cwd: folder, log }).exited
    if (code !== 0) throw new Error(`nginx -t: ${readFileSync(log, 'utf8')}`)
  }

  /** The access log and the error log. */
  lines() {
    const lines = readFileSync(this.log, 'utf8').trim().split('\n')
    const isRequest = (/** @type {string} */ line) => line.startsWith('{')
    return {
      requests: lines.filter(isRequest).map((line) => /** @type {Line} */ (JSON.parse(line))),
      trouble: lines.filter((line) => line && !isRequest(line)),
    }
  }

  /**
   * The access log once it has so many lines: nginx writes a request's line after the client has the answer.
   *
   * @param {number} count
   */
  requests(count) {
    return until(`${count} lines in the access log`, () => {
      const { requests } = this.lines()
      return requests.length >= count ? requests : undefined
    })
  }

  async stop() {
    await this.program?.stop()
  }
}

const command = process.env.ORDERWIRE_TEST_NGINX ?? 'nginx'

/** @param {number} port */
function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
