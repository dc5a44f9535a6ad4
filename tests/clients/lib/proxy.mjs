import { connect, createServer } from 'node:net'

/** A TCP proxy whose connections can be cut and stalled. */
export class Proxy {
  /** @type {Set<Connection>} */
  connections = new Set()
  /**
   * Whether a new connection is reset at once, as if there were no network.
   *
   * @type {(client: import('node:net').Socket) => boolean}
   */
  refuses = () => false
  /** Number of connections accepted so far. */
  taken = 0

  /** @param {number} target Port on loopback. */
  constructor(target) {
    this.server = createServer({ noDelay: true }, (client) => {
      if (this.refuses(client)) return client.resetAndDestroy()
      this.taken += 1
      const connection = new Connection(client, connect({ port: target, host: '127.0.0.1', noDelay: true }))
      this.connections.add(connection)
      connection.closed.then(() => this.connections.delete(connection))
    })
  }

  /**
   * @param {number} [port] Any free one without it.
   * @returns {Promise<number>} The port it listens on.
   */
  async listen(port = 0) {
    await new Promise((resolve) => this.server.listen(port, '127.0.0.1', () => resolve(undefined)))
    const address = this.server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen')
    return address.port
  }

  /** Resets every connection. */
  cutAll() {
    for (const connection of this.connections) connection.cut()
  }

  close() {
    this.server.close()
    this.cutAll()
  }
}

export class Connection {
  #stalled = false

  /**
   * @param {import('node:net').Socket} client
   * @param {import('node:net').Socket} upstream
   */
  constructor(client, upstream) {
    this.client = client
    this.upstream = upstream
    /** @type {Promise<void>} */
    this.closed = new Promise((resolve) => client.once('close', () => resolve()))
    this.#carry(client, upstream)
    this.#carry(upstream, client)
  }

  /** Resets both sides. */
  cut() {
    reset(this.client)
    reset(this.upstream)
  }

  /** Stops reading from both sides, so that their send buffers fill up. */
  stall() {
    this.#stalled = true
    this.client.pause()
    this.upstream.pause()
  }

  resume() {
    this.#stalled = false
    this.client.resume()
    this.upstream.resume()
  }

  /**
   * @param {import('node:net').Socket} from
   * @param {import('node:net').Socket} to
   */
  #carry(from, to) {
    from.on('data', (chunk) => {
      if (!to.write(chunk)) from.pause()
    })
    to.on('drain', () => {
      if (!this.#stalled) from.resume()
    })
    from.on('end', () => to.end())
    from.on('error', () => reset(to))
    from.on('close', () => to.destroySoon())
  }
}

/**
 * Resets a connection. Node's process may never end after a reset while the connection is being closed in order, so that
 * is left to finish.
 *
 * @param {import('node:net').Socket} socket
 */
function reset(socket) {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
