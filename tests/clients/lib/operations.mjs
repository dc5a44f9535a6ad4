import {
  OperationTypeNode,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  parse,
  validate,
} from 'graphql'

/**
 * @typedef {{ query: string, variables?: Record<string, unknown> }} Operation
 * @typedef {import('graphql').GraphQLInputType} InputType
 */

/** Valid values of the scalars, most of them edge cases. */
const SCALARS = /** @type {Record<string, unknown[]>} */ ({
  Int: [0, 1, -1, 2, 20, 100, 101, 2_147_483_647, -2_147_483_648],
  Float: [0, -0.5, 1e300],
  Boolean: [true, false],
  String: ['', ' ', 'tea', 'TEA', '%', '"', '\\', '\n', '\u0000', '🫖', 'ﷺ', 'é', 'a@example.com', '$where', 'x'.repeat(5_000)],
  ID: ['', 'prd_', 'ord_01ARZ3NDEKTSV4RRFFQ69G5FAV', 'usr_7ZZZZZZZZZZZZZZZZZZZZZZZZZ', 'tsk_8ZZZZZZZZZZZZZZZZZZZZZZZZZ', 7],
  Decimal: ['0', '12.50', '-0.0001', '922337203685477.5807', '-922337203685477.5808'],
  DateTime: ['2011-12-09T12:50:00Z', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z', '2020-02-29T23:59:59+01:00'],
  CurrencyCode: ['GBP', 'JPY', 'XXX'],
  EventCursor: ['c000000010000000000000001', 'e000000010000000000000001', 'e000000007fffffffffffffff'],
})

/** Text that is inserted to break a document. */
const PIECES = [
  '{', '}', '(', ')', '[', ']', '...', ':', '!', '$', '$v0', '@', '@skip', '@include(if: 1)', '"', '"""', '\\u', '#', '\u0000', '\uFEFF', '\uD800',
  'on', 'null', 'fragment f on Query { ...f }', '{ a { a { a } } }', 'query', 'mutation', 'subscription', '__schema { types { name } }',
  '99999999999999999999', '-', '1e999', '0x1', '{'.repeat(3_000), '['.repeat(3_000), ' a: __typename'.repeat(500), ',', 'é',
]

/** Generates random operations from a schema; the same seed gives the same operations. */
export class Operations {
  #state
  /** @type {Record<string, unknown>} */
  #variables = {}
  /** @type {string[]} */
  #declared = []
  /** @type {string[]} */
  #fragments = []
  #names = 0

  /**
   * @param {import('graphql').GraphQLSchema} schema
   * @param {number} seed
   * @param {string[]} ids Ids of existing entities.
   */
  constructor(schema, seed, ids) {
    this.schema = schema
    this.ids = ids
    this.#state = seed >>> 0
  }

  /** @returns {Operation} An operation that is valid by the schema. */
  valid() {
    for (;;) {
      this.#variables = {}
      this.#declared = []
      this.#fragments = []
      const kind = this.#chance(0.8) ? OperationTypeNode.QUERY : OperationTypeNode.MUTATION
      const root = this.schema.getRootType(kind)
      if (!root) throw new Error(`no type for ${kind}`)
      const selection = this.#selection(root, kind === OperationTypeNode.QUERY ? 1 + this.#below(5) : 3)
      const declared = this.#declared.length > 0 ? ` (${this.#declared.join(', ')})` : ''
      const query = [`${kind} Operation${declared} ${selection}`, ...this.#fragments].join('\n')
      // Conflicts, such as fields that cannot be merged, are discarded here instead of avoided above.
      if (validate(this.schema, parse(query)).length === 0) return { query, variables: this.#variables }
    }
  }

  /** @returns {Operation | string} An operation that is probably invalid, or the text of a request body. */
  broken() {
    const { query, variables = {} } = this.valid()
    let broken = query
    for (let times = 1 + this.#below(3); times > 0; times -= 1) broken = this.#breakText(broken)
    switch (this.#below(6)) {
      case 0:
        return this.#breakText(JSON.stringify({ query, variables }))
      case 1: {
        const name = this.#pick([...Object.keys(variables), 'input', 'unknown'])
        return { query, variables: { ...variables, [name]: this.#pick([null, 7, 1.5, 'x', [], [[null]], {}, { input: {} }, true, 1e300]) } }
      }
      default:
        return { query: broken, variables }
    }
  }

  /**
   * @param {string} text
   */
  #breakText(text) {
    const [from, to] = [this.#below(text.length + 1), this.#below(text.length + 1)].sort((a, b) => a - b)
    const [before, within, after] = [text.slice(0, from), text.slice(from, to), text.slice(to)]
    switch (this.#below(4)) {
      case 0:
        return before + after
      case 1:
        return before + this.#pick(PIECES) + within + after
      case 2:
        return before + within + within + after
      default:
        return after + within + before
    }
  }

  /**
   * @param {import('graphql').GraphQLNamedType} type
   * @param {number} depth
   * @returns {string}
   */
  #selection(type, depth) {
    /** @type {string[]} */
    const selections = []
    if (isAbstractType(type)) {
      for (const possible of this.schema.getPossibleTypes(type)) {
        if (this.#chance(0.5)) selections.push(`... on ${possible.name} ${this.#selection(possible, depth - 1)}`)
      }
    } else if (isObjectType(type)) {
      const fields = Object.values(type.getFields())
      for (let times = 1 + this.#below(4); times > 0; times -= 1) {
        const field = this.#field(this.#pick(fields), depth)
        if (field) selections.push(field)
      }
      if (depth > 0 && this.#chance(0.1)) {
        const name = `F${(this.#names += 1)}`
        this.#fragments.push(`fragment ${name} on ${type.name} ${this.#selection(type, depth - 1)}`)
        selections.push(`...${name}${this.#directive()}`)
      }
    }
    if (selections.length === 0 || this.#chance(0.1)) selections.push('__typename')
    return `{ ${selections.join(' ')} }`
  }

  /**
   * @param {import('graphql').GraphQLField<unknown, unknown>} field
   * @param {number} depth
   * @returns {string | undefined}
   */
  #field(field, depth) {
    const type = named(field.type)
    if (!isLeafType(type) && depth <= 0) return
    const given = field.args.filter((argument) => isRequiredArgument(argument) || this.#chance(0.3))
    const args = given.map((argument) => `${argument.name}: ${this.#argument(argument.type)}`)
    const alias = args.length > 0 || this.#chance(0.2) ? `a${(this.#names += 1)}: ` : ''
    const selection = isLeafType(type) ? '' : ` ${this.#selection(type, depth - 1)}`
    return `${alias}${field.name}${args.length > 0 ? `(${args.join(', ')})` : ''}${this.#directive()}${selection}`
  }

  #directive() {
    if (!this.#chance(0.05)) return ''
    return ` @${this.#pick(['include', 'skip'])}(if: ${this.#chance(0.5) ? 'true' : 'false'})`
  }

  /**
   * @param {InputType} type
   * @returns {string} A literal or a variable.
   */
  #argument(type) {
    const value = this.#value(type)
    if (this.#chance(0.5)) return literal(value, type)
    const name = `v${this.#declared.length}`
    this.#declared.push(`$${name}: ${type}`)
    this.#variables[name] = value
    return `$${name}`
  }

  /**
   * @param {InputType} type
   * @param {boolean} [required] Whether null is not allowed.
   * @returns {unknown}
   */
  #value(type, required = false) {
    if (isNonNullType(type)) return this.#value(/** @type {InputType} */ (type.ofType), true)
    if (!required && this.#chance(0.1)) return null
    if (isListType(type)) return Array.from({ length: this.#below(4) }, () => this.#value(type.ofType))
    if (isEnumType(type)) return this.#pick(type.getValues()).name
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields()).filter((field) => isRequiredInputField(field) || this.#chance(0.4))
      return Object.fromEntries(fields.map((field) => [field.name, this.#value(field.type)]))
    }
    const { name } = /** @type {import('graphql').GraphQLScalarType} */ (type)
    if (name === 'ID' && this.#chance(0.7)) return this.#pick(this.ids)
    const values = SCALARS[name]
    if (!values) throw new Error(`no values for the scalar ${name}`)
    return this.#pick(values)
  }

  /**
   * @template T
   * @param {readonly T[]} values
   */
  #pick(values) {
    return /** @type {T} */ (values[this.#below(values.length)])
  }

  /** @param {number} probability */
  #chance(probability) {
    return this.#random() < probability
  }

  /** @param {number} bound */
  #below(bound) {
    return Math.floor(this.#random() * bound)
  }

  /** mulberry32: from 0 to below 1. */
  #random() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * @param {import('graphql').GraphQLOutputType} type
 * @returns {import('graphql').GraphQLNamedOutputType}
 */
function named(type) {
  return isNonNullType(type) || isListType(type) ? named(type.ofType) : type
}

/**
 * @param {unknown} value
 * @param {InputType} type
 * @returns {string}
 */
function literal(value, type) {
  if (isNonNullType(type)) return literal(value, type.ofType)
  if (value === null) return 'null'
  if (isListType(type)) return `[${/** @type {unknown[]} */ (value).map((item) => literal(item, type.ofType)).join(', ')}]`
  if (isEnumType(type)) return String(value)
  if (isInputObjectType(type)) {
    const fields = type.getFields()
    const entries = Object.entries(/** @type {object} */ (value))
    return `{${entries.map(([name, of]) => `${name}: ${literal(of, /** @type {InputType} */ (fields[name]?.type))}`).join(', ')}}`
  }
  return JSON.stringify(value)
}
