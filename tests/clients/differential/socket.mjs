// One WebSocket of the protocol graphql-transport-ws, over which many operations go:
// https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { bearer } from '../lib/api.mjs'
import { socketUrl } from '../transports/opening.mjs'
import { soon } from '../lib/wait.mjs'

/** @typedef {{ type: string, payload?: any }} Message */

export class Socket {
  /** @type {Map<string, (message: Message) => void>} */
  #operations = new Map()
  #opened = 0

  /**
   * @param {string} url
   * @param {string | undefined} token
   */
  static async open(url, token) {
    const socket = new Socket(new WebSocket(socketUrl(url), 'graphql-transport-ws'))
    await once(socket.socket, 'open')
    socket.socket.send(JSON.stringify({ type: 'connection_init', payload: bearer(token) }))
    await once(socket.socket, 'message')
    socket.socket.on('message', (data) => {
      const { id, ...message } = JSON.parse(String(data))
      if (message.type === 'ping') socket.socket.send(JSON.stringify({ type: 'pong' }))
      socket.#operations.get(id)?.(message)
    })
    return socket
  }

  /** @param {WebSocket} socket */
  constructor(socket) {
    this.socket = socket
  }

  /**
   * Starts an operation.
   *
   * @param {import('./documents.mjs').Request} request
   */
  start({ query, variables, operationName }) {
    const id = String((this.#opened += 1))
    /** @type {Message[]} */
    const received = []
    /** @type {(() => void) | undefined} */
    let wake
    this.#operations.set(id, (message) => {
      received.push(message)
      wake?.()
    })
    const name = operationName === undefined ? '' : `,"operationName":${JSON.stringify(operationName)}`
    this.socket.send(
      `{"id":"${id}","type":"subscribe","payload":{"query":${JSON.stringify(query)},"variables":${variables}${name}}}`,
    )
    return {
      /**
       * The next message.
       *
       * @param {number} [within] Milliseconds after which there is none.
       */
      next: async (within = 5_000) => {
        const arrival = new Promise((resolve) => (wake = () => resolve(undefined)))
        if (received.length === 0) await soon('a message of an operation', arrival, within).catch(() => {})
        return received.shift()
      },
      stop: () => {
        this.#operations.delete(id)
        this.socket.send(JSON.stringify({ id, type: 'complete' }))
      },
    }
  }

  close() {
    this.socket.terminate()
  }
}
