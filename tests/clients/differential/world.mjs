// A server with a small shop, and who asks it.
import { call, mutate, signIn } from '../lib/api.mjs'
import { TestServer, createUser } from '../lib/server.mjs'

/** Limits that made-up operations would exceed. */
const SETTINGS = {
  ...Object.fromEntries(
    ['REQUESTS_PER_ADDRESS', 'ANONYMOUS_COST', 'CUSTOMER_COST', 'STAFF_COST', 'ADMIN_COST'].map((limit) => [
      `ORDERWIRE_RATE_LIMITS_${limit}`,
      'off',
    ]),
  ),
  ORDERWIRE_LIMITS_COST: '1000000000',
  ORDERWIRE_LIMITS_FIELDS: '100000',
  ...Object.fromEntries(
    ['ROOT_FIELDS', 'ALIASES', 'DIRECTIVES'].map((limit) => [`ORDERWIRE_LIMITS_${limit}`, '10000']),
  ),
  ORDERWIRE_AUTH_ACCESS_TOKEN_LIFETIME: '1d',
}

/** What can be named in operations. */
export class Entities {
  /** @type {Record<'product' | 'order' | 'task' | 'user', string[]>} */
  byKind = { product: [], order: [], task: [], user: [] }
  /** @type {string[]} */
  numbers = []
  skus = ['tea', 'cup', 'nothing']
  cursor = ''
  /** Ids of nothing. */
  strange = ['prd_01ARZ3NDEKTSV4RRFFQ69G5FAV', 'usr_01ARZ3NDEKTSV4RRFFQ69G5FAV', '', 'garbage', 'prd_']
  #made = 0

  /**
   * Ids of the kind that an argument or input field names.
   *
   * @param {string} owner
   * @param {string} name
   * @returns {string[]}
   */
  ids(owner, name) {
    for (const text of [name, owner]) {
      if (/customer|assignee|createdBy|user/i.test(text)) return this.byKind.user
      if (/product/i.test(text)) return this.byKind.product
      if (/task/i.test(text)) return this.byKind.task
      if (/order/i.test(text)) return this.byKind.order
    }
    return Object.values(this.byKind).flat()
  }

  /** A text that was not used before. */
  unique() {
    this.#made += 1
    return `n${this.#made}`
  }

  /**
   * A request with new texts in place of the {@link unique} ones, so that it can be sent again.
   *
   * @param {import('./documents.mjs').Request} request
   */
  renamed(request) {
    const names = new Map()
    const rename = (/** @type {string} */ text) =>
      text.replace(/"n\d+"/g, (name) => {
        if (!names.has(name)) names.set(name, `"${this.unique()}"`)
        return names.get(name)
      })
    return { ...request, query: rename(request.query), variables: rename(request.variables) }
  }
}

/** What mutations change, as the staff sees it. */
const COUNTS = `query ($ids: [ID!]!) {
  products(first: 1) { totalCount }
  orders(first: 1) { totalCount }
  tasks(first: 1) { totalCount }
  users(first: 1) { totalCount }
  nodes(ids: $ids) { ... on Product { id stock version } ... on Task { id version } }
}`

/** The server under test with its data. */
export class World {
  entities = new Entities()
  /** Access tokens; nobody is signed in for the last. @type {(string | undefined)[]} */
  viewers = []

  static async start() {
    const server = await TestServer.start(SETTINGS)
    const world = new World(server)
    try {
      await world.#fill()
    } catch (error) {
      await server.stop()
      throw error
    }
    return world
  }

  /** @param {TestServer} server */
  constructor(server) {
    this.server = server
  }

  async #fill() {
    const { server, entities } = this
    const admin = { email: 'admin@example.com', password: 'correct horse' }
    await createUser({ ...admin, role: 'admin' }, { cwd: server.folder, env: server.env })
    const session = await signIn(server.url, admin)
    const staff = { token: session.accessToken }
    const customers = [await server.customer(), await server.customer()]
    entities.byKind.user.push(session.user.id, ...customers.map(({ id }) => id))
    entities.byKind.product.push(...server.products)
    for (const { token } of customers) {
      for (const _ of [1, 2]) {
        const order = await server.order(token)
        entities.byKind.order.push(order.id)
        entities.numbers.push(order.number)
        const input = {
          title: 'Pack 🎁',
          description: 'with care',
          orderId: order.id,
          assigneeId: session.user.id,
          priority: 'HIGH',
          dueAt: '2030-01-01T00:00:00Z',
        }
        entities.byKind.task.push(
          (await mutate(server.url, 'createTask', 'CreateTaskInput', input, 'task { id }', staff)).task.id,
        )
      }
    }
    entities.byKind.task.push(
      (await mutate(server.url, 'createTask', 'CreateTaskInput', { title: 'Rest' }, 'task { id }', staff)).task.id,
    )
    entities.cursor = (await call(server.url, '{ eventCursor }', {}, staff)).eventCursor
    this.viewers = [staff.token, customers[0]?.token, undefined]
  }

  /** Counts of everything, versions and stock: what must not change by a request that is refused. */
  async counts() {
    const { product, task } = this.entities.byKind
    const data = await call(this.server.url, COUNTS, { ids: [...product, ...task] }, { token: this.viewers[0] })
    return {
      products: data.products.totalCount,
      orders: data.orders.totalCount,
      tasks: data.tasks.totalCount,
      users: data.users.totalCount,
      nodes: Object.fromEntries(data.nodes.map((/** @type {any} */ { id, ...rest }) => [id, rest])),
    }
  }

  /** Changes every product, so that everybody who watches one gets an update. */
  async touchProducts() {
    for (const productId of this.entities.byKind.product) {
      await mutate(this.server.url, 'adjustStock', 'AdjustStockInput', { productId, delta: 1 }, '', {
        token: this.viewers[0],
      })
    }
  }

  stop() {
    return this.server.stop()
  }
}
