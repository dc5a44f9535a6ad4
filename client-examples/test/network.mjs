import { createServer, request as send } from 'node:http'
import { buffer } from 'node:stream/consumers'

/**
 * What happens to a delivery on its way to a receiver: the receiver gets it and the answer is lost, gets it with another body, or
 * does not get it although the sender is told that it was taken.
 *
 * @typedef {'answer lost' | 'body altered' | 'swallowed'} Fault
 */

/** Forwards deliveries of webhooks to a receiver, and spoils those that are next in `faults`. */
export class FaultyNetwork {
  /** @type {Fault[]} */
  faults = []
  /** @type {{ id: string, status: number | string | undefined }[]} What the receiver has answered, or why it did not. */
  log = []
  #server = createServer(async (request, response) => {
    const fault = this.faults.shift()
    const id = String(request.headers['webhook-id'])
    let body = await buffer(request)
    if (fault === 'swallowed') return response.end()
    if (fault === 'body altered') body = Buffer.from(body.toString().replace('TASK_CREATED', 'TASK_DELETED'))
    const status = await this.#forward(request.headers, body)
    this.log.push({ id, status })
    if (fault === 'answer lost') return request.socket.destroy()
    response.writeHead(typeof status === 'number' ? status : 502).end()
  })

  /** @param {number} target Port on loopback. */
  constructor(target) {
    this.target = target
  }

  /** @returns {Promise<number>} The port it listens on. */
  async listen() {
    await new Promise((resolve) => this.#server.listen(0, '127.0.0.1', () => resolve(undefined)))
    return /** @type {import('node:net').AddressInfo} */ (this.#server.address()).port
  }

  /**
   * @param {import('node:http').IncomingHttpHeaders} headers
   * @param {Buffer} body
   * @returns {Promise<number | string | undefined>} The receiver's status, or the error.
   */
  #forward(headers, body) {
    return new Promise((resolve) => {
      const to = { host: '127.0.0.1', port: this.target, method: 'POST', headers: { ...headers, connection: 'close' } }
      // Without an agent, which would use the connection again that the receiver is closing.
      const forwarded = send({ ...to, agent: false }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      forwarded.on('error', ({ message }) => resolve(message))
      forwarded.end(body)
    })
  }

  close() {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}
