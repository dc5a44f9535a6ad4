// Operations made up from the schema: fragments, merged response keys, directives, variables, nested inputs.
import {
  doTypesOverlap,
  getNamedType,
  isAbstractType,
  isInterfaceType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
} from 'graphql'
import { Values } from './values.mjs'

/**
 * What is sent to the server.
 *
 * @typedef {object} Request
 * @property {string} query
 * @property {string} variables JSON, with numbers as they are written.
 * @property {string} [operationName]
 *
 * @typedef {import('graphql').GraphQLCompositeType} Composite
 *
 * A field as it was selected, so that it can be selected again under the same response key.
 *
 * @typedef {object} Selected
 * @property {Composite} parent
 * @property {string} text With its alias and arguments.
 * @property {import('graphql').GraphQLNamedOutputType} type
 * @property {Selected[]} scope What is selected of its value.
 */

/** Aliases that are names of other fields, too. */
const ALIASES = ['id', 'name', 'x', 'status', '_0', 'on']

/** Mutations that change one thing each, whose effect can be counted. */
export const MUTATIONS = ['adjustStock', 'updateProduct', 'createProduct', 'createTask', 'updateTask', 'placeOrder']

/** Arguments that make a subscription begin with the state of what is watched. @type {Record<string, string>} */
const WATCHES = { orderUpdates: 'orderId', taskUpdates: 'taskId', stockUpdates: 'productIds' }

const INTROSPECTION = [
  '__schema { queryType { name } mutationType { kind name } subscriptionType { fields { name } } }',
  '__type(name: "Product") { __typename kind name fields { name type { kind name ofType { name } } } }',
  '__type(name: "Node") { possibleTypes { name } interfaces { name } }',
  '__type(name: "OrderStatus") { enumValues(includeDeprecated: true) { name isDeprecated } inputFields { name } }',
  '__type(name: "ProductFilter") { inputFields { name defaultValue type { name ofType { kind } } } fields { name } }',
  '__type(name: "DateTime") { name specifiedByURL ofType { name } }',
  '__type(name: "Nothing") { name }',
]

/** Makes one document. */
export class DocumentMaker {
  /** @type {{ name: string, on: Composite, text: string }[]} */
  #fragments = []
  /** What each response key means in the whole document; a key of another meaning could not be merged. @type {Map<string, string>} */
  #keys = new Map()
  #names = 0

  /**
   * @param {import('graphql').GraphQLSchema} schema
   * @param {import('../lib/random.mjs').Random} random
   * @param {import('./world.mjs').Entities} entities
   * @param {'query' | 'mutation' | 'subscription'} kind
   */
  constructor(schema, random, entities, kind) {
    this.schema = schema
    this.random = random
    this.kind = kind
    this.values = new Values(random, entities, kind !== 'query')
  }

  /** @returns {Request} */
  make() {
    const { random, schema, kind } = this
    const root = schema.getRootType(/** @type {import('graphql').OperationTypeNode} */ (kind))
    if (!root) throw new Error(`the schema has no ${kind}`)
    const selections = this.#selections(root, kind === 'query' ? Math.floor(random.between(1, 6)) : 4, [])
    const declared = [...this.values.variables].map(
      ([name, variable]) =>
        `$${name}: ${variable.type}${variable.default === undefined ? '' : ` = ${variable.default}`}`,
    )
    const variables = declared.length > 0 ? `(${declared.join(', ')})` : ''
    const alone = random.chance(0.9)
    const head =
      alone && random.chance(0.3)
        ? kind === 'query' && !variables
          ? ''
          : `${kind} ${variables}`
        : `${kind} Operation${variables}`
    const operation = `${head} ${selections}`.trim()
    const fragments = this.#fragments.map(({ name, on, text }) => `fragment ${name} on ${on.name}${text}`)
    const others = alone
      ? []
      : [
          'query Other { me { id } }',
          'mutation Another { deleteTask(input: { id: "" }) { userErrors { code } } }',
        ].slice(0, 1 + Math.floor(random.next() * 2))
    return {
      query: random.shuffled([operation, ...fragments, ...others]).join('\n'),
      variables: this.#variables(),
      ...(!alone || (head.includes('Operation') && random.chance(0.3)) ? { operationName: 'Operation' } : {}),
    }
  }

  #variables() {
    const given = [...this.values.variables].flatMap(([name, { json }]) =>
      json === undefined ? [] : [`"${name}":${json}`],
    )
    if (this.random.chance(0.05)) given.push('"unknown":[{}]')
    return `{${given.join(',')}}`
  }

  /**
   * @param {Composite} type
   * @param {number} depth
   * @param {Selected[]} scope What is selected of the same value so far.
   * @returns {string}
   */
  #selections(type, depth, scope) {
    const { random } = this
    /** @type {string[]} */
    const texts = []
    for (let times = 1 + Math.floor(random.next() * 4); times > 0; times -= 1)
      texts.push(this.#selection(type, depth, scope))
    return `{ ${texts.join(' ')} }`
  }

  /**
   * @param {Composite} type
   * @param {number} depth
   * @param {Selected[]} scope
   * @returns {string}
   */
  #selection(type, depth, scope) {
    const { random } = this
    const root = type === this.schema.getSubscriptionType()
    const draw = random.next()
    if (draw < 0.12 && depth > 0) {
      const on = random.chance(0.3) ? undefined : this.#condition(type)
      return `...${on ? ` on ${on.name}` : ''}${root ? '' : this.#directives()} ${this.#selections(on ?? type, depth - 1, scope)}`
    }
    if (draw < 0.24 && depth > 0) return `...${this.#fragment(type, depth, scope)}${root ? '' : this.#directives()}`
    if (draw < 0.3 && !root)
      return `${random.chance(0.2) ? `a${(this.#names += 1)}: ` : ''}__typename${this.#directives()}`
    if (draw < 0.32 && type === this.schema.getQueryType()) return random.pick(INTROSPECTION)
    const before = scope.filter(({ parent }) => parent === type)
    if (before.length > 0 && (root || draw > (this.kind === 'mutation' && depth >= 3 ? 0.6 : 0.85)))
      return this.#again(random.pick(before), depth)
    return this.#field(type, depth, scope)
  }

  /**
   * A type that has values in common with this one.
   *
   * @param {Composite} type
   * @returns {Composite}
   */
  #condition(type) {
    const others = Object.values(this.schema.getTypeMap()).filter(
      (other) => isObjectType(other) || isAbstractType(other),
    )
    return this.random.pick([
      type,
      ...others.filter((other) => !other.name.startsWith('__') && doTypesOverlap(this.schema, type, other)),
    ])
  }

  /**
   * The name of a fragment, a new one or one that was made before.
   *
   * @param {Composite} type
   * @param {number} depth
   * @param {Selected[]} scope
   */
  #fragment(type, depth, scope) {
    const known = this.#fragments.filter(({ on }) => doTypesOverlap(this.schema, type, on))
    if (known.length > 0 && this.random.chance(0.3)) return this.random.pick(known).name
    const name = `F${(this.#names += 1)}`
    const on = this.#condition(type)
    const text = ` ${this.#selections(on, depth - 1, scope)}`
    this.#fragments.push({ name, on, text })
    return name
  }

  /**
   * @param {Composite} type
   * @param {number} depth
   * @param {Selected[]} scope
   * @returns {string}
   */
  #field(type, depth, scope) {
    const { random, kind } = this
    const root =
      kind !== 'query' && type === this.schema.getRootType(/** @type {import('graphql').OperationTypeNode} */ (kind))
    if (!isObjectType(type) && !isInterfaceType(type)) return '__typename'
    const possible = Object.values(type.getFields()).filter(
      (field) =>
        (depth > 0 || isLeafType(getNamedType(field.type))) &&
        // The reference knows the type of a node by the id that was asked for.
        (!isAbstractType(getNamedType(field.type)) || field.args.some(({ name }) => ['id', 'ids'].includes(name))) &&
        (kind !== 'mutation' || !root || MUTATIONS.includes(field.name)),
    )
    if (possible.length === 0) return '__typename'
    const field = random.pick(possible)
    const given = field.args.filter(({ name, ...argument }) => {
      if (kind === 'subscription' && root) return WATCHES[field.name] === name
      return (
        isRequiredArgument(/** @type {any} */ (argument)) ||
        random.chance(name === 'first' ? 0.5 : this.values.careful && name !== 'last' ? 0 : 0.15)
      )
    })
    const args = random.shuffled(given).map(({ name, type: expected }) => {
      const options = { required: kind === 'subscription' && root }
      return `${name}: ${this.values.value(expected, `${type.name}.${field.name}`, name, options).literal}`
    })
    const call = `${field.name}${args.length > 0 ? `(${args.join(', ')})` : ''}`
    const text = `${this.#alias(field.name, `${call}: ${field.type}`)}${call}`
    /** @type {Selected} */
    const selected = { parent: type, text, type: getNamedType(field.type), scope: [] }
    scope.push(selected)
    return this.#again(selected, depth, root && kind === 'subscription')
  }

  /**
   * Selects a field that may have been selected already, with other fields of its value.
   *
   * @param {Selected} selected
   * @param {number} depth
   * @param {boolean} [plain] Without directives.
   */
  #again({ parent, text, type, scope }, depth, plain = parent === this.schema.getSubscriptionType()) {
    const directives = plain ? '' : this.#directives()
    return `${text}${directives}${isLeafType(type) ? '' : ` ${this.#selections(/** @type {Composite} */ (type), depth - 1, scope)}`}`
  }

  /**
   * An alias with its colon, or nothing where the field's own name will do.
   *
   * @param {string} name
   * @param {string} meaning
   */
  #alias(name, meaning) {
    const { random } = this
    const key = random.chance(0.15) ? random.pick(ALIASES) : name
    const free = !this.#keys.has(key) || this.#keys.get(key) === meaning || random.chance(0.01)
    const chosen = free ? key : `a${(this.#names += 1)}`
    this.#keys.set(chosen, meaning)
    return chosen === name ? '' : `${chosen}: `
  }

  #directives() {
    const { random } = this
    if (!random.chance(0.1)) return ''
    const one = (/** @type {string} */ name) =>
      ` @${name}(if: ${random.chance(0.4) ? random.chance(0.5) : this.#conditionVariable()})`
    const name = random.pick(['skip', 'include'])
    return `${one(name)}${random.chance(0.15) ? one(name === 'skip' ? 'include' : 'skip') : ''}`
  }

  #conditionVariable() {
    const type = /** @type {import('graphql').GraphQLScalarType} */ (this.schema.getType('Boolean'))
    return this.values.variable(type, 'directive', 'if', true)
  }
}
