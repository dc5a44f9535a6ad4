// `orderwire demo` in a temporary folder, and people in front of it.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mutate, signIn } from '../../../tests/clients/lib/api.mjs'
import { freePort, Program } from '../../../tests/clients/lib/process.mjs'
import { isReady, orderwire } from '../../../tests/clients/lib/server.mjs'
import { Hopeless, until } from '../../../tests/clients/lib/wait.mjs'

export class Demo {
  #customers = 0
  #staff = { token: '', until: 0 }

  /**
   * @param {string[]} [args]
   * @param {Record<string, string>} [env]
   */
  static async start(args = ['--quiet-orders'], env = {}) {
    const demo = new Demo()
    demo.folder = await mkdtemp(join(tmpdir(), 'orderwire-apps-'))
    demo.port = await freePort()
    demo.url = `http://127.0.0.1:${demo.port}`
    demo.api = `${demo.url}/graphql`
    demo.log = join(demo.folder, 'log')
    const options = { cwd: demo.folder, env: { ...env, BIND: `127.0.0.1:${demo.port}` }, log: demo.log }
    demo.program = new Program(orderwire, ['demo', ...args], options)
    await until('orderwire demo is ready', () => {
      if (demo.program.exit) throw new Hopeless(`orderwire demo ended: ${demo.printed}`)
      return demo.printed.includes('Press Ctrl-C') && isReady(demo.port)
    }, 120_000)
    return demo
  }

  get printed() {
    return readFileSync(this.log, 'utf8')
  }

  /** The link to an app that the welcome text has. */
  link(name) {
    return new RegExp(`^${name} +(http\\S+)$`, 'm').exec(this.printed)[1]
  }

  credentials(label) {
    const [, email, password] = new RegExp(`^${label} +(\\S+) +(\\S+)$`, 'm').exec(this.printed)
    return { email, password }
  }

  /** An access token of the staff that holds for three more seconds at least. */
  async staff() {
    if (Date.now() > this.#staff.until - 3_000) {
      const { accessToken, expiresAt } = await signIn(this.api, this.credentials('staff'))
      this.#staff = { token: accessToken, until: Date.parse(expiresAt) }
    }
    return this.#staff.token
  }

  /** A new customer, and a link to the shop that signs them in. */
  async customer(url = this.url) {
    const credentials = { email: `customer-${++this.#customers}@example.org`, password: 'correct horse' }
    const input = { ...credentials, name: `Customer ${this.#customers}` }
    const { session } = await mutate(this.api, 'register', 'RegisterInput', input, 'session { accessToken }')
    return { ...input, token: session.accessToken, link: `${url}/shop#${new URLSearchParams(credentials)}` }
  }

  /** A new product. */
  async product(name, stock) {
    const input = { sku: name, name, price: '2.50', stock }
    const options = { token: await this.staff() }
    return (await mutate(this.api, 'createProduct', 'CreateProductInput', input, 'product { id }', options)).product
  }

  async order(token, productId, quantity = 1) {
    const input = { items: [{ productId, quantity }], idempotencyKey: crypto.randomUUID() }
    return (await mutate(this.api, 'placeOrder', 'PlaceOrderInput', input, 'order { id number }', { token })).order
  }

  async move(orderId, status) {
    const options = { token: await this.staff() }
    await mutate(this.api, 'updateOrderStatus', 'UpdateOrderStatusInput', { orderId, status }, '', options)
  }

  async stop() {
    const exit = await this.program.stop()
    await rm(this.folder, { recursive: true, force: true })
    return exit
  }
}
