import { mutate, signIn } from '../lib/api.mjs'
import { createUser } from '../lib/server.mjs'
import { sleep } from '../lib/wait.mjs'

const PASSWORD = 'correct horse battery'

/** How long before its end a token is replaced, in milliseconds. */
const MARGIN = 2_000

/** Somebody with an account, who signs in again whenever that is needed. */
export class Person {
  /** @type {Promise<string> | undefined} */
  #token
  #expires = 0
  /** Times signed in. */
  signIns = 0

  /**
   * @param {'customer' | 'staff' | 'admin'} role
   * @param {string} email
   * @param {() => string} anyNode
   */
  constructor(role, email, anyNode) {
    this.role = role
    this.email = email
    this.id = ''
    this.anyNode = anyNode
  }

  /** A token that is good for a while. Waits for a node that gives one. */
  async token() {
    if (Date.now() > this.#expires - MARGIN) {
      this.#expires = Infinity
      this.#token = this.#signIn()
    }
    return this.#token ?? ''
  }

  async #signIn() {
    for (;;) {
      try {
        const session = await signIn(this.anyNode(), { email: this.email, password: PASSWORD }, { within: 10_000 })
        this.id = session.user.id
        this.#expires = Date.parse(session.expiresAt)
        this.signIns += 1
        return session.accessToken
      } catch {
        await sleep(200)
      }
    }
  }
}

/**
 * Creates all accounts and signs them in.
 *
 * @param {import('./cluster.mjs').Cluster} cluster
 * @param {{ staff: number, customers: number, anyNode: () => string }} how
 */
export async function makePeople(cluster, { staff, customers, anyNode }) {
  const admin = new Person('admin', 'admin@example.com', anyNode)
  const people = { admin, staff: /** @type {Person[]} */ ([]), customers: /** @type {Person[]} */ ([]) }
  for (let i = 1; i <= staff; i++) people.staff.push(new Person('staff', `staff-${i}@example.com`, anyNode))
  for (const { email, role } of [admin, ...people.staff]) {
    if (role === 'customer') continue
    await createUser({ email, password: PASSWORD, role }, { cwd: cluster.folder, env: cluster.env })
  }
  for (let i = 1; i <= customers; i++) {
    const person = new Person('customer', `customer-${i}@example.com`, anyNode)
    const input = { email: person.email, password: PASSWORD, name: `Customer ${i}`, region: 'France' }
    await mutate(anyNode(), 'register', 'RegisterInput', input, '')
    people.customers.push(person)
  }
  await Promise.all([admin, ...people.staff, ...people.customers].map((person) => person.token()))
  return people
}

/**
 * Puts products on sale, with more stock than can be sold.
 *
 * @param {string} url
 * @param {string} token
 * @param {number} count
 * @returns {Promise<string[]>} Their ids.
 */
export async function makeProducts(url, token, count) {
  const ids = []
  for (let i = 1; i <= count; i++) {
    const input = { sku: `product-${i}`, name: `Product ${i}`, price: '1.2345', stock: STOCK }
    const payload = await mutate(url, 'createProduct', 'CreateProductInput', input, 'product { id }', { token })
    ids.push(payload.product.id)
  }
  return ids
}

/** Units of each product at the start. */
export const STOCK = 1_000_000
