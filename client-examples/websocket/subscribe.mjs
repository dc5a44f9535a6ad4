// Prints every change of your orders, each once and in order, also what happened while the connection was lost or this
// program was not running: the cursor of the last one is kept in a file. So is a newer one that the server tells in a ping,
// after which nothing of yours happened. When the event log no longer reaches back to it (CURSOR_EXPIRED), delete the file to begin with what happens from then on.
//   ORDERWIRE_EMAIL=… ORDERWIRE_PASSWORD=… node subscribe.mjs [CURSOR_FILE]
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws' // Node has its own from version 22 on

const { ORDERWIRE_URL: server = 'http://127.0.0.1:8080', ORDERWIRE_EMAIL: email, ORDERWIRE_PASSWORD: password } = process.env
const cursorFile = process.argv[2] ?? 'cursor'

const LOGIN = `mutation ($input: LoginInput!) {
  login(input: $input) { session { accessToken } userErrors { code message } }
}`
const ORDER_UPDATES = `subscription ($after: EventCursor) {
  orderUpdates(after: $after) { cursor kind previousStatus order { number status } }
}`

/** The server refused the request, and would refuse it again. */
class Refused extends Error {}

/** @param {readonly any[]} errors */
function toError([{ message, extensions }]) {
  const code = extensions?.code
  return code === 'UNAVAILABLE' ? new Error(message) : new Refused(`${code}: ${message}`)
}

async function signIn() {
  const response = await fetch(`${server}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: LOGIN, variables: { input: { email, password } } }),
  })
  const { data, errors } = await response.json()
  if (errors) throw toError(errors)
  const { session, userErrors } = data.login
  if (!session) throw new Refused(userErrors[0].message)
  return session.accessToken
}

/** @type {string | undefined} */
let token
let failures = 0
/** @type {NodeJS.Timeout | undefined} */
let unanswered

const client = createClient({
  url: `${server.replace(/^http/, 'ws')}/graphql`,
  webSocketImpl: WebSocket,
  connectionParams: () => ({ Authorization: `Bearer ${token}` }),
  // Its own retry would ask again with the first cursor, and print again what came since.
  retryAttempts: 0,
  // A connection may fail silently. A ping that is not answered in time ends it.
  keepAlive: 10_000,
  on: {
    connected: () => (failures = 0),
    ping: (received, payload) => {
      if (!received) unanswered = setTimeout(() => client.terminate(), 5_000)
      // The updates before it were kept already. There is one subscription, so its id does not matter.
      else for (const told of Object.values(/** @type {any} */ (payload?.cursors ?? {}))) keep(told)
    },
    pong: () => clearTimeout(unanswered),
    closed: () => clearTimeout(unanswered),
  },
})

let cursor = existsSync(cursorFile) ? readFileSync(cursorFile, 'utf8') : undefined

// By default a signal ends a program at any point, also between printing an update and keeping its cursor. Now only a
// crash can do that, after which this one update is printed again; none is ever left out.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit())

for (;;) {
  try {
    token ??= await signIn()
    // At first it begins with what happens from now on, even if the connection is lost before the first update.
    if (!cursor) await run('{ eventCursor }', {}, ({ eventCursor }) => keep(eventCursor))
    await run(ORDER_UPDATES, { after: cursor }, ({ orderUpdates }) => {
      print(orderUpdates)
      keep(orderUpdates.cursor)
    })
  } catch (problem) {
    if (Array.isArray(problem)) problem = toError(problem)
    if (problem instanceof Refused) {
      console.error(problem.message)
      process.exit(1)
    }
    const { code, reason, message } = /** @type {any} */ (problem)
    // The token has expired (15 minutes after it was given, unless set otherwise) or its session was ended. A program
    // that can't keep the password asks for a new one with `refreshSession`, once for each refresh token.
    if (code === 4403) token = undefined
    console.error(`lost (${message || reason || code}), trying again`)
  }
  await delay(Math.min(1000 * 2 ** failures++, 30_000) * Math.random())
}

/**
 * @param {string} query
 * @param {Record<string, unknown>} variables
 * @param {(data: any) => void} take Takes the data in the order of the server's messages: once of a query, again and again
 *   of a subscription.
 * @returns {Promise<void>} Ends with the operation.
 */
function run(query, variables, take) {
  return new Promise((resolve, reject) => {
    const next = (/** @type {any} */ { data, errors }) => (errors ? reject(toError(errors)) : take(data))
    client.subscribe({ query, variables }, { next, error: reject, complete: resolve })
  })
}

/** @param {any} update */
function print({ cursor, kind, previousStatus, order: { number, status } }) {
  console.log(cursor, kind, number, previousStatus ? `${previousStatus} → ${status}` : status)
}

/** @param {string} next */
function keep(next) {
  cursor = next
  // In one step, so that the file holds the old or the new one, never a part.
  writeFileSync(`${cursorFile}.new`, cursor)
  renameSync(`${cursorFile}.new`, cursorFile)
}
