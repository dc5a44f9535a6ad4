// Signs in, lists products, orders one and watches the order, with urql:
//   ORDERWIRE_EMAIL=… ORDERWIRE_PASSWORD=… node orders.mjs [IDEMPOTENCY_KEY]
import { setTimeout as delay } from 'node:timers/promises'
import { Client, cacheExchange, fetchExchange, gql, subscriptionExchange } from '@urql/core'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws' // Node has its own from version 22 on

const { ORDERWIRE_URL: server = 'http://127.0.0.1:8080', ORDERWIRE_EMAIL: email, ORDERWIRE_PASSWORD: password } = process.env

const LOGIN = gql`
  mutation ($input: LoginInput!) {
    payload: login(input: $input) { session { accessToken } userErrors { code message } }
  }
`
const PRODUCTS = gql`
  query {
    products(first: 3, filter: { inStock: true }) { nodes { id name price { amount currencyCode } } }
  }
`
const PLACE_ORDER = gql`
  mutation ($input: PlaceOrderInput!) {
    payload: placeOrder(input: $input) {
      order { id number total { amount } } replayed userErrors { code message }
    }
  }
`
const ORDER_UPDATES = gql`
  subscription ($orderId: ID, $after: EventCursor) {
    orderUpdates(orderId: $orderId, after: $after) { cursor kind order { number status } }
  }
`

/** @type {string | undefined} */
let token

/**
 * The variables of each running subscription by the id of its operation.
 *
 * @type {Map<string, Record<string, unknown>>}
 */
const running = new Map()
/** @type {WeakMap<object, string>} */
const ids = new WeakMap()

// Pings detect a connection that failed silently: see ../websocket/subscribe.mjs.
const socket = createClient({
  url: `${server.replace(/^http/, 'ws')}/graphql`,
  webSocketImpl: WebSocket,
  connectionParams: async () => ({ Authorization: `Bearer ${(token ??= await signIn())}` }),
  // The token has expired (15 minutes after it was given, unless set otherwise) or its session was ended. The next
  // connection signs in again; a program that can't keep the password asks for a new token with `refreshSession`.
  on: {
    closed: (event) => void (/** @type {CloseEvent} */ (event).code === 4403 && (token = undefined)),
    // The server tells subscriptions without updates how far they are.
    ping(received, payload) {
      const cursors = received && payload?.cursors
      for (const [id, cursor] of Object.entries(cursors || {})) Object.assign(running.get(id) ?? {}, { after: cursor })
    },
  },
  generateID: (payload) => ids.get(payload) ?? crypto.randomUUID(),
  retryAttempts: Infinity,
  retryWait: (retries) => delay(Math.min(1000 * 2 ** retries, 30_000) * Math.random()),
  shouldRetry: (problem) => !(problem instanceof Refused), // also when there is no connection to be had
})

const client = new Client({
  url: `${server}/graphql`,
  fetchOptions: () => ({ headers: token ? [['authorization', `Bearer ${token}`]] : [] }),
  exchanges: [
    cacheExchange,
    fetchExchange,
    subscriptionExchange({
      forwardSubscription({ query = '', variables }) {
        // graphql-ws writes this out anew for each connection, so that it resumes after the last update.
        const resuming = { query, variables: { ...variables } }
        const id = crypto.randomUUID()
        return {
          subscribe(sink) {
            ids.set(resuming, id)
            running.set(id, resuming.variables)
            const unsubscribe = socket.subscribe(resuming, {
              ...sink,
              next(/** @type {any} */ result) {
                if (result.data) resuming.variables.after = result.data.orderUpdates.cursor
                sink.next(result)
              },
            })
            return {
              unsubscribe() {
                running.delete(id)
                unsubscribe()
              },
            }
          },
        }
      },
    }),
  ],
})

/** The server refused the request, and would refuse it again. */
class Refused extends Error {}

/**
 * The payload of a mutation whose field is named `payload`.
 *
 * @param {import('@urql/core').DocumentInput<any, any>} document
 * @param {object} input
 */
async function mutate(document, input) {
  const { data, error } = await client.mutation(document, { input })
  if (error) throw error
  const [userError] = data.payload.userErrors
  if (userError) throw new Refused(`${userError.code}: ${userError.message}`)
  return data.payload
}

/** @returns {Promise<string>} */
async function signIn() {
  return (await mutate(LOGIN, { email, password })).session.accessToken
}

async function main() {
  token = await signIn()

  const { data, error } = await client.query(PRODUCTS, {})
  if (error) throw error
  const products = data.products.nodes
  for (const { name, price } of products) console.log(`${name}: ${price.amount} ${price.currencyCode}`)

  // The key makes it safe to repeat the request after a lost response: the same key with the same input gives the
  // same order. A shop takes a key that belongs to the cart.
  const idempotencyKey = process.argv[2] ?? crypto.randomUUID()
  const items = [{ productId: products[0].id, quantity: 1 }]
  const { order, replayed } = await mutate(PLACE_ORDER, { items, idempotencyKey })
  console.log(`order ${order.number} of ${order.total.amount}${replayed ? ', placed before' : ''}`)

  // Its first update is a snapshot of the order.
  client.subscription(ORDER_UPDATES, { orderId: order.id }).subscribe(({ data, error }) => {
    if (error) return fail(error) // the server has ended it: it may not be watched, or there was no database for long
    const { cursor, kind, order } = data.orderUpdates
    console.log(cursor, kind, order.number, order.status)
  })
}

/** @param {Error} error */
function fail({ message }) {
  console.error(message)
  process.exit(1)
}

main().catch(fail)
