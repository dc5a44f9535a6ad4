import { Hopeless, soon, until } from '../lib/wait.mjs'

export const ORDER_UPDATES = `subscription Updates($orderId: ID, $customerId: ID, $after: EventCursor) {
  orderUpdates(orderId: $orderId, customerId: $customerId, after: $after) {
    cursor kind previousStatus order { id number status version }
  }
}`

/**
 * What one subscription got.
 */
export class Recorder {
  /** @type {any[]} */
  updates = []
  /** @type {(string | undefined)[]} Cursors as the transport names them. */
  ids = []
  /** @type {string[]} Cursors that came without an update. */
  told = []
  /** @type {import('../transports/opening.mjs').End | undefined} */
  ended

  /**
   * @param {import('../transports/opening.mjs').Transport} transport
   * @param {object} opening
   * @param {string} opening.url
   * @param {string} [opening.token]
   * @param {string} [opening.query]
   * @param {Record<string, any>} [opening.variables]
   * @param {boolean} [opening.idle] Ask for cursors without an update, where that must be asked for.
   */
  constructor(transport, { query = ORDER_UPDATES, idle = false, ...opening }) {
    /** @type {Promise<import('../transports/opening.mjs').End>} */
    this.end = new Promise((resolve) => {
      this.stop = transport({
        query,
        ...opening,
        next: (data, id) => {
          this.updates.push(data.orderUpdates)
          this.ids.push(id)
        },
        ...(idle && { told: (cursor) => this.told.push(cursor) }),
        end: (end) => {
          this.ended = end
          resolve(end)
        },
      })
    })
  }

  get cursor() {
    return this.updates.at(-1)?.cursor
  }

  /** @returns {string[]} Each update as `NUMBER STATUS`. */
  get story() {
    return this.updates.map(({ order }) => `${order.number} ${order.status}`)
  }

  /** @param {number} count */
  async until(count) {
    await until(`update ${count}`, () => {
      if (this.ended) throw new Hopeless(`the subscription ended: ${JSON.stringify(this.ended)}`)
      return this.updates.length >= count
    })
  }

  /** The code of the error that ended it. */
  async refusal() {
    const end = await soon('the end of the subscription', this.end)
    const [error] = end.errors ?? []
    return error ? `${error.extensions?.code}: ${error.message}` : JSON.stringify(end)
  }
}
