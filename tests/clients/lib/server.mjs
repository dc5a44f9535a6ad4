import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { call, mutate, signIn } from './api.mjs'
import { Program, freePort, run } from './process.mjs'
import { Hopeless, until } from './wait.mjs'

/** The server under test. */
export const orderwire = resolve(
  process.env.ORDERWIRE ?? join(import.meta.dirname, '../../../target/debug/orderwire'),
)

export const secret = 'a secret of the tests, 32 bytes long at least'

/** How long a server may take to stop, in milliseconds: the default of `server.grace_period` and 10 s for a busy machine. */
export const GRACE = 30_000

/** The staff account of each {@link TestServer}. */
export const STAFF = { email: 'staff@example.com', password: 'correct horse' }

/**
 * Makes a user by the command line.
 *
 * @param {{ email: string, password: string, role: 'customer' | 'staff' | 'admin' }} user
 * @param {{ cwd: string, env: Record<string, string> }} where
 */
export async function createUser({ email, password, role }, where) {
  const args = ['user', 'create', '--email', email, '--name', email, '--role', role, '--password-stdin']
  await run(orderwire, args, { ...where, input: `${password}\n` })
}

/** @param {number} port */
export async function isReady(port) {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(10_000) })
  await response.arrayBuffer()
  return response.ok
}

/** A server with a database of its own, staff and products. */
export class TestServer {
  /** Access token of somebody of the staff. */
  staff = ''
  /** @type {string[]} Ids of products on sale. */
  products = []
  #customers = 0
  #admins = 0

  /**
   * @param {Record<string, string>} [settings] Environment variables.
   */
  static async start(settings = {}) {
    const folder = await mkdtemp(join(tmpdir(), 'orderwire-clients-'))
    const server = new TestServer(folder, await freePort(), settings)
    try {
      await server.#fill()
    } catch (error) {
      await server.stop()
      throw error
    }
    return server
  }

  async #fill() {
    await createUser({ ...STAFF, role: 'staff' }, { cwd: this.folder, env: this.env })
    await this.boot()
    this.staff = (await signIn(this.url, STAFF)).accessToken
    for (const sku of ['tea', 'cup']) {
      const input = { sku, name: sku, price: '2.50', stock: 100_000 }
      const options = { token: this.staff }
      const { product } = await mutate(this.url, 'createProduct', 'CreateProductInput', input, 'product { id }', options)
      this.products.push(product.id)
    }
  }

  /**
   * @param {string} folder
   * @param {number} port
   * @param {Record<string, string>} settings
   */
  constructor(folder, port, settings) {
    this.folder = folder
    this.port = port
    this.log = join(folder, 'log')
    this.url = `http://127.0.0.1:${port}/graphql`
    this.env = {
      BIND: `127.0.0.1:${port}`,
      DATABASE_URL: `sqlite://${join(folder, 'orderwire.db')}`,
      JWT_SECRET: secret,
      ...settings,
    }
  }

  async boot() {
    const program = new Program(orderwire, ['serve'], { cwd: this.folder, env: this.env, log: this.log })
    this.program = program
    const ready = () => {
      if (program.exit) throw new Hopeless(`orderwire serve ended: ${readFileSync(this.log, 'utf8')}`)
      return isReady(this.port)
    }
    await until('orderwire serve is ready', ready)
  }

  /**
   * Ends the server and starts it again with more settings.
   *
   * @param {Record<string, string>} settings
   */
  async restart(settings) {
    await this.program?.stop()
    Object.assign(this.env, settings)
    await this.boot()
  }

  /**
   * Ends the server, makes its event log older, and starts it again.
   *
   * @param {string} by As `timedelta` of Python and a number: `2 days`.
   */
  async age(by) {
    await this.program?.stop()
    const [count, unit] = by.split(' ')
    const script = `import datetime, sqlite3, sys
milliseconds = int(datetime.timedelta(${unit}=${count}).total_seconds() * 1000)
with sqlite3.connect(sys.argv[1]) as db:
    db.execute("UPDATE events SET occurred_at = occurred_at - ?", [milliseconds])`
    await run('python3', ['-c', script, join(this.folder, 'orderwire.db')], { cwd: this.folder, env: {} })
    await this.boot()
  }

  /** A new customer. */
  async customer() {
    this.#customers += 1
    const input = { email: `customer-${this.#customers}@example.com`, password: 'correct horse', name: 'Customer' }
    const selection = 'session { accessToken user { id } }'
    const { session } = await mutate(this.url, 'register', 'RegisterInput', input, selection)
    return { ...input, token: /** @type {string} */ (session.accessToken), id: /** @type {string} */ (session.user.id) }
  }

  /** A new admin. */
  async admin() {
    this.#admins += 1
    const account = { email: `admin-${this.#admins}@example.com`, password: 'correct horse' }
    await createUser({ ...account, role: 'admin' }, { cwd: this.folder, env: this.env })
    const { accessToken, user } = await signIn(this.url, account)
    return { ...account, token: accessToken, id: user.id }
  }

  /**
   * A new API key of a new admin.
   *
   * @param {string[]} scopes
   * @returns {Promise<{ id: string, secret: string, creator: { id: string, token: string } }>}
   */
  async apiKey(scopes) {
    const creator = await this.admin()
    const input = { name: 'A machine', scopes }
    const selection = 'secret apiKey { id }'
    const made = await mutate(this.url, 'createApiKey', 'CreateApiKeyInput', input, selection, { token: creator.token })
    return { id: made.apiKey.id, secret: made.secret, creator }
  }

  /**
   * Places an order.
   *
   * @param {string} token
   * @returns {Promise<{ id: string, number: string }>}
   */
  async order(token) {
    const input = { items: [{ productId: this.products[0], quantity: 1 }], idempotencyKey: crypto.randomUUID() }
    return (await mutate(this.url, 'placeOrder', 'PlaceOrderInput', input, 'order { id number }', { token })).order
  }

  /**
   * Moves an order on.
   *
   * @param {string} orderId
   * @param {string} status
   */
  async move(orderId, status) {
    const input = { orderId, status }
    await mutate(this.url, 'updateOrderStatus', 'UpdateOrderStatusInput', input, '', { token: this.staff })
  }

  /**
   * Ends all sessions of a user.
   *
   * @param {string} token
   */
  async signOutEverywhere(token) {
    await call(this.url, 'mutation { logoutEverywhere { userErrors { code } } }', {}, { token })
  }

  async stop() {
    const exit = await this.program?.stop()
    await rm(this.folder, { recursive: true, force: true })
    return exit
  }
}
