// The example receivers of webhooks behind a network that loses, alters and swallows deliveries of a server.
import assert from 'node:assert/strict'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { Program, freePort } from '../../tests/clients/lib/process.mjs'
import { Hopeless, until } from '../../tests/clients/lib/wait.mjs'
import { examples } from './example.mjs'
import { FaultyNetwork } from './network.mjs'
import { WebhookServer } from './webhooks.mjs'

/** @type {WebhookServer} */
let sender
before(async () => {
  sender = await WebhookServer.start()
})
after(() => sender?.stop())

/** A receiver that stores in a folder of its own, with a webhook that reaches it through a faulty network. */
class Receiver {
  /** @param {string[]} command */
  static async make(command) {
    const folder = await mkdtemp(join(tmpdir(), 'orderwire-receiver-'))
    const port = await freePort()
    const network = new FaultyNetwork(port)
    const webhook = await sender.createWebhook(await network.listen())
    const before = (await sender.events()).length
    return new Receiver(command, folder, port, network, webhook, before)
  }

  /**
   * @param {string[]} command
   * @param {string} folder
   * @param {number} port
   * @param {FaultyNetwork} network
   * @param {{ id: string, secret: string }} webhook
   * @param {number} before How many events came before the webhook was made.
   */
  constructor(command, folder, port, network, webhook, before) {
    this.command = command
    this.folder = folder
    this.port = port
    this.network = network
    this.webhook = webhook
    this.before = before
    this.file = join(folder, 'events.jsonl')
    this.log = join(folder, 'log')
  }

  async start(secret = this.webhook.secret) {
    writeFileSync(this.log, '')
    const [program = '', ...args] = this.command
    const options = { cwd: join(examples, 'webhooks'), env: { SECRET: secret }, log: this.log }
    const running = new Program(program, [...args, String(this.port), this.file], options)
    this.program = running
    await until('it listens', () => {
      if (running.exit) throw new Hopeless(`the receiver ended: ${this.output}`)
      return this.output.includes('listening on')
    })
  }

  async kill() {
    this.program?.kill('SIGKILL')
    await this.program?.exited
  }

  get output() {
    return readFileSync(this.log, 'utf8')
  }

  /** Whole lines of what it has stored. */
  get stored() {
    const text = existsSync(this.file) ? readFileSync(this.file, 'utf8') : ''
    return text.split('\n').slice(0, -1).map((line) => JSON.parse(line))
  }

  get ids() {
    return this.stored.map(({ id }) => id)
  }

  /** What it has answered to the deliveries of an event. @param {string} id */
  answers(id) {
    return this.network.log.filter((delivery) => delivery.id === id).map(({ status }) => status)
  }

  /** Does something that the webhook is told of, and returns its event. */
  async happens() {
    const { length } = await sender.events()
    await sender.createTask()
    return until('the log has it', async () => (await sender.events())[length])
  }

  /** @param {{ id: string }} event */
  async stores({ id }) {
    await until(`${id} is stored`, () => this.ids.includes(id))
  }

  async events() {
    return (await sender.events()).slice(this.before)
  }

  async stop() {
    await this.kill()
    this.network.close()
    await sender.mutate('deleteWebhook', 'DeleteWebhookInput', { id: this.webhook.id }, '')
    await rm(this.folder, { recursive: true, force: true })
  }
}

for (const command of [[process.execPath, 'receiver.mjs'], ['python3', 'receiver.py']]) {
  const name = String(command.at(-1))

  test(`${name}: stores each event once and in order, whatever is lost or altered on the way`, async () => {
    const receiver = await Receiver.make(command)
    try {
      await receiver.start()
      const one = await receiver.happens()
      await receiver.stores(one)

      receiver.network.faults.push('answer lost')
      const two = await receiver.happens()
      await until('it comes again', () => receiver.answers(two.id).length >= 2)
      assert.deepEqual(receiver.answers(two.id).slice(0, 2), [200, 200])

      receiver.network.faults.push('body altered')
      const three = await receiver.happens()
      await until('it comes again', () => receiver.answers(three.id).length >= 2)
      assert.deepEqual(receiver.answers(three.id).slice(0, 2), [401, 200])

      assert.deepEqual(receiver.ids, [one, two, three].map(({ id }) => id))
      const kinds = new Set(receiver.stored.map(({ data }) => data.kind))
      assert.deepEqual([...kinds], ['TASK_CREATED'])
      assert.doesNotMatch(receiver.output, /hole/)
    } finally {
      await receiver.stop()
    }
  })

  test(`${name}: notices a hole, which a replay fills, and knows after a crash what it has`, async () => {
    const receiver = await Receiver.make(command)
    const replay = (/** @type {string} */ cursor) => {
      return sender.mutate('replayWebhook', 'ReplayWebhookInput', { id: receiver.webhook.id, after: cursor }, '')
    }
    try {
      await receiver.start()
      const one = await receiver.happens()
      await receiver.stores(one)
      receiver.network.faults.push('swallowed')
      const missing = await receiver.happens()
      const three = await receiver.happens()
      await receiver.stores(three)
      assert.deepEqual(receiver.ids, [one.id, three.id])
      const holes = () => receiver.output.match(/hole: .*/g) ?? []
      assert.deepEqual(holes(), [`hole: ${missing.id} is missing before ${three.id}`])

      await replay(one.cursor)
      await receiver.stores(missing)
      const four = await receiver.happens()
      await receiver.stores(four)
      assert.equal(holes().length, 1)
      assert.deepEqual(receiver.ids, [one.id, three.id, missing.id, four.id])

      // It dies while it writes.
      await receiver.kill()
      appendFileSync(receiver.file, '{"id":"evt_01')
      await receiver.start()
      await replay(one.cursor)
      const five = await receiver.happens()
      await receiver.stores(five)
      assert.deepEqual(receiver.ids, [one.id, three.id, missing.id, four.id, five.id])
      assert.deepEqual([...receiver.ids].sort(), (await receiver.events()).map(({ id }) => id).sort())
      assert.deepEqual(holes(), [])
    } finally {
      await receiver.stop()
    }
  })

  test(`${name}: takes nothing that its secret has not signed, nor what is old or a test`, async () => {
    const receiver = await Receiver.make(command)
    try {
      await receiver.start()
      const selection = 'delivery { status error }'
      const tested = await sender.mutate('testWebhook', 'TestWebhookInput', { id: receiver.webhook.id }, selection)
      assert.deepEqual(tested.delivery, { status: 200, error: null })
      await receiver.kill()

      const other = await sender.createWebhook(await freePort())
      await sender.mutate('deleteWebhook', 'DeleteWebhookInput', { id: other.id }, '')
      await receiver.start(other.secret)
      const one = await receiver.happens()
      await until('it is refused', () => receiver.answers(one.id).includes(401))
      await receiver.kill()
      assert.deepEqual(receiver.ids, [])
      await receiver.start()
      await receiver.stores(one)
      assert.deepEqual(receiver.ids, [one.id])

      const body = '{"type":"task.created","data":{"id":"evt_1"}}'
      const post = async (/** @type {Record<string, string>} */ headers, /** @type {string} */ text = body) => {
        return (await fetch(`http://127.0.0.1:${receiver.port}/`, { method: 'POST', headers, body: text })).status
      }
      const signed = (/** @type {number} */ minutes) => {
        const time = Math.floor(Date.now() / 1000) + 60 * minutes
        const signature = new Webhook(receiver.webhook.secret).sign('evt_1', new Date(1000 * time), body)
        return { 'webhook-id': 'evt_1', 'webhook-timestamp': String(time), 'webhook-signature': signature }
      }
      assert.equal(await post({}), 401)
      assert.equal(await post({ ...signed(0), 'webhook-timestamp': 'now' }), 401)
      assert.equal(await post({ ...signed(0), 'webhook-signature': 'v1,' }), 401)
      assert.equal(await post(signed(-6)), 401)
      assert.equal(await post(signed(6)), 401)
      assert.deepEqual(receiver.ids, [one.id])
      assert.equal(await post(signed(0)), 200)
      assert.deepEqual(receiver.ids, [one.id, 'evt_1'])
    } finally {
      await receiver.stop()
    }
  })

  test(`${name}: does not start without a secret, nor keep a body that is too large`, async () => {
    const receiver = await Receiver.make(command)
    try {
      await assert.rejects(receiver.start(''), /set SECRET to the secret of the webhook/)
      await receiver.start()
      const refused = fetch(`http://127.0.0.1:${receiver.port}/`, { method: 'POST', body: Buffer.alloc(17 * 1024 * 1024) })
      const outcome = await refused.then(({ status }) => status, () => 'hung up') // before everything is sent
      assert.ok([413, 'hung up'].includes(outcome), String(outcome))
      const event = await receiver.happens()
      await receiver.stores(event)
    } finally {
      await receiver.stop()
    }
  })
}
