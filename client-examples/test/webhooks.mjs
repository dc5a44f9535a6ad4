// A server that sends webhooks to this machine, and an API key that manages them.
import { call, mutate } from '../../tests/clients/lib/api.mjs'
import { TestServer } from '../../tests/clients/lib/server.mjs'

/** Every webhook of these tests is sent these events. */
const KINDS = ['TASK_CREATED']

export class WebhookServer {
  static async start() {
    const server = await TestServer.start({ ORDERWIRE_WEBHOOKS_ALLOWED_NETWORKS: '127.0.0.0/8' })
    const key = await server.apiKey(['MANAGE_WEBHOOKS', 'READ_TASKS', 'WRITE_TASKS', 'READ_EVENTS'])
    return new WebhookServer(server, key.secret)
  }

  /**
   * @param {TestServer} server
   * @param {string} token
   */
  constructor(server, token) {
    this.server = server
    this.token = token
  }

  /**
   * @param {string} field
   * @param {string} inputType
   * @param {object} input
   * @param {string} selection
   */
  async mutate(field, inputType, input, selection) {
    return mutate(this.server.url, field, inputType, input, selection, { token: this.token })
  }

  /**
   * @param {number} port
   * @returns {Promise<{ id: string, secret: string }>}
   */
  async createWebhook(port) {
    const input = { url: `http://127.0.0.1:${port}/`, kinds: KINDS }
    const { webhook, secret } = await this.mutate('createWebhook', 'CreateWebhookInput', input, 'webhook { id } secret')
    return { id: webhook.id, secret }
  }

  /**
   * Does something that webhooks are told of.
   *
   * @param {string} [title]
   */
  async createTask(title = 'Größe prüfen “数量” 🎈 \\ "') {
    await this.mutate('createTask', 'CreateTaskInput', { title }, '')
  }

  /**
   * What webhooks have to be told, in order.
   *
   * @returns {Promise<{ id: string, cursor: string }[]>}
   */
  async events() {
    const query = 'query ($kinds: [EventKind!]) { events(first: 100, filter: { kinds: $kinds }) { nodes { id cursor } } }'
    return (await call(this.server.url, query, { kinds: KINDS }, { token: this.token })).events.nodes
  }

  stop() {
    return this.server.stop()
  }
}
