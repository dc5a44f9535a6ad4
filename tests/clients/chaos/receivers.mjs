// Receivers of webhooks that fail in the ways that receivers do, and record what they take.
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import { mutate } from '../lib/api.mjs'
import { freePort } from '../lib/process.mjs'
import { sleep, soon } from '../lib/wait.mjs'
import { Recipient, eventId } from './recipient.mjs'

const ORDERS = ['ORDER_PLACED', 'ORDER_STATUS_CHANGED', 'ORDER_UPDATED']
const PRODUCTS = ['PRODUCT_CREATED', 'PRODUCT_UPDATED', 'STOCK_CHANGED', 'PRODUCT_ARCHIVED']

/** How long a call about a webhook is repeated, in milliseconds: far longer than any outage. */
const PATIENCE = 180_000

/** An answer: a status and no more, an answer that never comes, a cut connection, or one that goes on forever. */
/** @typedef {number | 'hang' | 'close' | 'stream'} Answer */

/**
 * What a receiver does with an event at times.
 *
 * @typedef {object} Manner
 * @property {number} often How likely it is for an event.
 * @property {boolean} takes Whether it takes the event.
 * @property {Answer} answer
 */

/**
 * What receivers do. `lies` takes an event and says that it did not, and `forgets` says that it took one that it has lost, and
 * asks for it when it notices the hole.
 *
 * @type {Record<string, Manner | undefined>}
 */
export const MANNERS = {
  sound: undefined,
  fails: { often: 1 / 50, takes: false, answer: 500 },
  hangs: { often: 1 / 250, takes: false, answer: 'hang' },
  closes: { often: 1 / 50, takes: false, answer: 'close' },
  redirects: { often: 1 / 50, takes: false, answer: 307 },
  lies: { often: 1 / 50, takes: true, answer: 503 },
  'cuts its answers off': { often: 1 / 50, takes: true, answer: 'close' },
  'answers forever': { often: 1 / 100, takes: true, answer: 'stream' },
  forgets: { often: 1 / 200, takes: false, answer: 200 },
}

/** One webhook and the server that it is sent to. */
export class Receiver extends Recipient {
  requests = 0
  restarts = 0
  replays = 0
  #id = ''
  #key = Buffer.alloc(0)
  #cursor = ''
  /** Whether it waits for what is missing. */
  #missing = false
  /** Whether it has lost an event that it said it took, and has not noticed it. */
  #forgot = false
  #port = 0
  /** @type {import('node:http').Server | undefined} */
  #server

  /**
   * @param {string} manner
   * @param {boolean} wide Whether it wants the events of products, too.
   * @param {import('./people.mjs').Person} admin
   * @param {import('../lib/random.mjs').Random} random
   * @param {import('./subscriber.mjs').World} world
   */
  constructor(manner, wide, admin, random, world) {
    const name = `receiver that ${manner === 'sound' ? 'is sound' : manner}${wide ? ' (products, too)' : ''}`
    super(name, wide ? ['ORDER', 'PRODUCT'] : ['ORDER'], world)
    this.kinds = wide ? [...ORDERS, ...PRODUCTS] : ORDERS
    this.manner = MANNERS[manner]
    this.admin = admin
    this.random = random
  }

  /** Starts the server and makes the webhook, which is sent what happens from then on. */
  async start() {
    this.#port = await freePort()
    await this.#listen()
    const input = { url: `http://127.0.0.1:${this.#port}/hook`, kinds: this.kinds }
    const selection = 'secret webhook { id cursor }'
    const made = await this.#ask('createWebhook', 'CreateWebhookInput', input, selection)
    this.#id = made.webhook.id
    this.#cursor = made.webhook.cursor
    this.after = this.world.cursors.placeOf(made.webhook.cursor)
    this.#key = Buffer.from(made.secret.replace(/^whsec_/, ''), 'base64')
  }

  /** Goes away, and comes back with what it has taken. @param {number} seconds */
  async restart(seconds) {
    this.restarts += 1
    await this.stop()
    await sleep(seconds * 1_000)
    await this.#listen()
  }

  /** Loses nothing any more, and looks whether the last events are there, after which no other one comes. */
  settle() {
    if (this.manner?.answer !== 200) return
    this.manner = undefined
    if (this.#forgot) this.#fetchMissing()
  }

  async stop() {
    const server = this.#server
    this.#server = undefined
    if (!server) return
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await soon(`the end of a ${this.name}`, closed)
  }

  async #listen() {
    const server = createServer((request, response) => {
      this.#receive(request, response).catch((error) => this.problems.push(`${this.name}: ${error.message}`))
    })
    this.#server = server
    await new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', () => resolve(undefined))
    })
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  async #receive(request, response) {
    const chunks = []
    try {
      for await (const chunk of request) chunks.push(chunk)
    } catch {
      // The sender or this server has gone in the middle of it.
      return
    }
    this.requests += 1
    this.#answer(response, this.#decide(request, Buffer.concat(chunks)))
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {Buffer} body
   * @returns {Answer}
   */
  #decide({ url, headers }, body) {
    const id = eventId(String(headers['webhook-id']))
    if (url !== '/hook') this.problems.push(`${this.name}: a request for ${url}`)
    if (!this.#isSigned(headers, body)) {
      this.problems.push(`${this.name}: ${id} is not signed`)
      return 401
    }
    if (this.#missing) return 503
    const previous = headers['orderwire-previous-id']
    if (!this.has(id) && previous && eventId(String(previous)) !== this.last) {
      this.#fetchMissing()
      return 503
    }
    const manner = this.manner && this.random.chance(this.manner.often) ? this.manner : undefined
    if (manner?.answer === 200) this.#forgot = true
    if (manner?.takes !== false) {
      const cursor = String(headers['orderwire-cursor'])
      if (this.take(JSON.parse(body.toString()).data, cursor)) this.#cursor = cursor
    }
    return manner?.answer ?? 200
  }

  /**
   * @param {import('node:http').IncomingHttpHeaders} headers
   * @param {Buffer} body
   */
  #isSigned(headers, body) {
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.`
    const expected = `v1,${createHmac('sha256', this.#key).update(signed).update(body).digest('base64')}`
    // The clocks of nodes are wrong at times, so the time stamp says nothing here.
    return String(headers['webhook-signature']).split(' ').includes(expected)
  }

  /** Has what is missing sent again, as an owner does who finds a hole. Until then it takes nothing. */
  #fetchMissing() {
    this.#missing = true
    this.#forgot = false
    this.replays += 1
    const replay = this.#ask('replayWebhook', 'ReplayWebhookInput', { id: this.#id, after: this.#cursor }, 'webhook { id }')
    replay
      .catch((error) => this.problems.push(`${this.name}: ${error.message}`))
      .finally(() => (this.#missing = false))
  }

  /**
   * @param {import('node:http').ServerResponse} response
   * @param {Answer} answer
   */
  #answer(response, answer) {
    if (answer === 'hang') return
    if (answer === 'close') response.socket?.destroy()
    else if (answer === 'stream') stream(response)
    else response.writeHead(answer, answer === 307 ? { location: '/elsewhere' } : {}).end()
  }

  /**
   * Calls the API until it does what it is asked to.
   *
   * @param {string} field
   * @param {string} inputType
   * @param {object} input
   * @param {string} selection
   */
  async #ask(field, inputType, input, selection) {
    const deadline = performance.now() + PATIENCE
    for (;;) {
      try {
        const token = await this.admin.token()
        return await mutate(this.world.anyNode(), field, inputType, input, selection, { token, within: 15_000 })
      } catch (error) {
        if (performance.now() > deadline) throw error
        await sleep(this.random.between(100, 500))
      }
    }
  }
}

/**
 * Answers with success and a body without an end.
 *
 * @param {import('node:http').ServerResponse} response
 */
function stream(response) {
  response.writeHead(200)
  const timer = setInterval(() => response.write('and so on\n'), 50)
  response.once('close', () => clearInterval(timer))
}
