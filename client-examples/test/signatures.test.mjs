// The official libraries of two languages verify what the server sends.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { Webhook, WebhookVerificationError } from 'standardwebhooks'
import { freePort, run } from '../../tests/clients/lib/process.mjs'
import { until } from '../../tests/clients/lib/wait.mjs'
import { python } from './example.mjs'
import { WebhookServer } from './webhooks.mjs'

/** @typedef {{ secret: string, headers: Record<string, string>, body: Buffer }} Delivery */

/** @type {WebhookServer} */
let sender
/** @type {import('node:http').Server} */
let receiver
/**
 * The first delivery of each event, by its id: after a change of the webhook the last ones may come again.
 *
 * @type {Map<string | undefined, Omit<Delivery, 'secret'>>}
 */
const deliveries = new Map()
/** @type {string} Of another webhook. */
let foreign
/** @type {string} */
let first
/** @type {string} */
let second

before(async () => {
  receiver = createServer(async (request, response) => {
    const body = await buffer(request)
    const headers = /** @type {Record<string, string>} */ (request.headers)
    if (!deliveries.has(headers['webhook-id'])) deliveries.set(headers['webhook-id'], { headers, body })
    response.writeHead(204).end()
  })
  await new Promise((resolve) => receiver.listen(0, '127.0.0.1', () => resolve(undefined)))
  const { port } = /** @type {import('node:net').AddressInfo} */ (receiver.address())
  sender = await WebhookServer.start()
  foreign = (await sender.createWebhook(await freePort())).secret
  const { id, secret } = await sender.createWebhook(port)
  first = secret
  await sender.createTask()
  await sender.createTask('T')
  await until('the deliveries before the rotation', () => deliveries.size === 2)
  second = (await sender.mutate('rotateWebhookSecret', 'RotateWebhookSecretInput', { id }, 'secret')).secret
  // What is being sent when a secret is replaced may be signed by the one before alone.
  await until('a delivery that both secrets sign', async () => {
    const before = deliveries.size
    await sender.createTask()
    await until('a delivery after the rotation', () => deliveries.size > before)
    return String(last().headers['webhook-signature']).split(' ').length === 2
  })
})

/** The delivery that came last. */
function last() {
  const delivery = [...deliveries.values()].at(-1)
  assert.ok(delivery)
  return delivery
}

after(async () => {
  receiver?.close()
  await sender?.stop()
})

/**
 * What each library returns for each delivery: its payload, or null if it refuses it.
 *
 * @type {Record<string, (signed: Delivery[]) => Promise<unknown[]>>}
 */
const libraries = {
  async JavaScript(signed) {
    return signed.map(({ secret, headers, body }) => {
      try {
        return new Webhook(secret).verify(body, headers)
      } catch (problem) {
        if (problem instanceof WebhookVerificationError) return null
        throw problem
      }
    })
  },
  async Python(signed) {
    const input = JSON.stringify(signed.map((delivery) => ({ ...delivery, body: delivery.body.toString('base64') })))
    return JSON.parse(await run(python, ['verify.py'], { cwd: import.meta.dirname, input }))
  },
}

for (const [language, verify] of Object.entries(libraries)) {
  test(`webhooks: the library for ${language} accepts what was sent, with either secret while one replaces the other`, async () => {
    const [one, two] = deliveries.values()
    const rotated = last()
    assert.ok(one && two)
    const signed = [
      { ...one, secret: first },
      { ...two, secret: first },
      { ...rotated, secret: first },
      { ...rotated, secret: second },
    ]
    assert.deepEqual(await verify(signed), signed.map(({ body }) => JSON.parse(body.toString())))
    const ids = (await sender.events()).map(({ id }) => id)
    assert.deepEqual([...deliveries.keys()], ids)
    const sent = [...deliveries.values()].map(({ body }) => JSON.parse(body.toString()).data.id)
    assert.deepEqual(sent, ids)
  })

  test(`webhooks: the library for ${language} refuses other secrets and what was altered`, async () => {
    const [one] = deliveries.values()
    const rotated = last()
    assert.ok(one)
    const signature = (/** @type {string} */ text) => ({ ...rotated.headers, 'webhook-signature': text })
    const [newer = '', older = '', ...others] = String(rotated.headers['webhook-signature']).split(' ')
    assert.deepEqual(others, [])
    const altered = Buffer.from(one.body)
    altered.writeUInt8(altered.readUInt8(altered.length - 2) ^ 1, altered.length - 2)
    const time = String(Number(one.headers['webhook-timestamp']) + 1)
    const forged = {
      'the secret of another webhook': { ...one, secret: foreign },
      'a secret that was made later': { ...one, secret: second },
      'an altered body': { ...one, secret: first, body: altered },
      'another id': { ...one, secret: first, headers: { ...one.headers, 'webhook-id': 'evt_01J9Z3NDEKTSV4RRFFQ69G5FAV' } },
      'another time': { ...one, secret: first, headers: { ...one.headers, 'webhook-timestamp': time } },
      'the signature of another event': { ...one, secret: first, headers: { ...one.headers, 'webhook-signature': older } },
      'the signature of the old secret alone': { ...rotated, secret: second, headers: signature(older) },
      'the signature of the new secret alone': { ...rotated, secret: first, headers: signature(newer) },
    }
    const verdicts = await verify(Object.values(forged))
    const taken = Object.keys(forged).filter((_, index) => verdicts[index] !== null)
    assert.deepEqual(taken, [])
  })
}
