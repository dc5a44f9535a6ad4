// Receives a webhook: verifies, drops what comes twice, notices holes, and appends events to a file before it answers.
//   SECRET=whsec_… node receiver.mjs [PORT] [FILE]
import { createHmac, timingSafeEqual } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs'
import { createServer } from 'node:http'

const [port = '9000', file = 'events.jsonl'] = process.argv.slice(2)
const key = Buffer.from((process.env.SECRET ?? '').replace(/^whsec_/, ''), 'base64')
if (key.length === 0) throw new Error('set SECRET to the secret of the webhook, whsec_…')
const LIMIT = 16 * 1024 * 1024 // bytes of a body; the server sends less

// A crash may have cut off the last line. That event was not answered, so it comes again.
const stored = existsSync(file) ? readFileSync(file, 'utf8') : ''
const whole = stored.slice(0, stored.lastIndexOf('\n') + 1)
if (whole !== stored) truncateSync(file, Buffer.byteLength(whole))
const taken = new Set(whole.split('\n').filter(Boolean).map((line) => JSON.parse(line).id))

/** @param {import('node:http').IncomingHttpHeaders} headers @param {Buffer} body */
function verified(headers, body) {
  const time = Number(headers['webhook-timestamp'])
  if (!(Math.abs(Date.now() / 1000 - time) <= 300)) return false // seconds; also when it is not a number
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.`
  const expected = Buffer.from(`v1,${createHmac('sha256', key).update(signed).update(body).digest('base64')}`)
  // There are two while the secret is replaced.
  const signatures = String(headers['webhook-signature']).split(' ').map((text) => Buffer.from(text))
  return signatures.some((given) => given.length === expected.length && timingSafeEqual(given, expected))
}

/** @param {import('node:http').IncomingMessage} request @returns {Promise<number>} The status to answer with. */
async function receive(request) {
  const chunks = []
  let size = 0
  for await (const chunk of request) {
    if ((size += chunk.length) > LIMIT) return 413
    chunks.push(chunk)
  }
  const body = Buffer.concat(chunks)
  if (!verified(request.headers, body)) return 401
  const { 'webhook-id': id, 'orderwire-previous-id': previous, 'orderwire-test': test } = request.headers
  if (test || taken.has(id)) return 200
  if (previous && taken.size > 0 && !taken.has(previous)) console.error(`hole: ${previous} is missing before ${id}`)
  appendFileSync(file, `${JSON.stringify({ id, ...JSON.parse(body.toString()) })}\n`, { flush: true })
  taken.add(id)
  return 200
}

createServer(async (request, response) => {
  const status = await receive(request).catch((error) => (console.error(error), 500))
  response.writeHead(status).end()
}).listen(Number(port), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${port}`))
