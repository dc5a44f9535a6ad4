// Values for arguments and variables: as a literal of the document and as JSON, which are not written alike.
import { isEnumType, isInputObjectType, isListType, isNonNullType } from 'graphql'

/**
 * @typedef {import('graphql').GraphQLInputType} InputType
 * @typedef {{ literal: string, json: string }} Value
 * @typedef {{ type: string, default?: string, json?: string }} Variable `json` is absent when no value is sent.
 */

/** @type {Value} */
const NULL = { literal: 'null', json: 'null' }

/** Strings of which some can be written only in one way. @type {Value[]} */
const STRINGS = [
  ...['', 'tea', 'a "quoted" one', 'back\\slash', 'line\nbreak', '🎁', 'é'].map((text) => plain(text)),
  { literal: '"\\u{1F381}"', json: '"🎁"' },
  { literal: '"\\uD83C\\uDF81"', json: '"\\uD83C\\uDF81"' },
  { literal: '"\\u0041\\/\\b\\f\\t"', json: '"\\u0041\\/\\b\\f\\t"' },
  { literal: '"""\n  a block\n    of "text" \\""" \\n\n  """', json: '"a block"' },
  { literal: '""""""', json: '""' },
]

/** @type {Record<string, string[]>} */
const TEXTS = {
  DateTime: [
    '2011-12-09T12:50:00Z',
    '2020-02-29T23:59:59+01:00',
    '2026-01-31T09:30:00.123Z',
    '2000-01-01T00:00:00-23:59',
  ],
  Decimal: ['0', '12.50', '0.001', '3', '922337203685477.5807'],
  CurrencyCode: ['GBP', 'EUR', 'JPY'],
}

/** Input fields that a mutation here always has, so that it changes something. */
const ALWAYS = ['UpdateProductInput.description', 'UpdateTaskInput.title']
/** Input fields that a mutation here never has: they could make it fail, or change several things. */
const NEVER = ['expectedVersion', 'assigneeId', 'status', 'stock']

/** Makes values and declares the variables in which some of them are sent. */
export class Values {
  /** @type {Map<string, Variable>} */
  variables = new Map()

  /**
   * @param {import('../lib/random.mjs').Random} random
   * @param {import('./world.mjs').Entities} entities
   * @param {boolean} careful Whether only values that no mutation refuses are made.
   */
  constructor(random, entities, careful) {
    this.random = random
    this.entities = entities
    this.careful = careful
  }

  /**
   * @param {InputType} type
   * @param {string} owner The field or input type that the value is given to.
   * @param {string} name The argument or input field.
   * @param {{ variables?: boolean, required?: boolean }} [options] Whether variables may stand in it; whether it can't be
   *   null.
   * @returns {Value}
   */
  value(type, owner, name, { variables = true, required = false } = {}) {
    if (isNonNullType(type)) return this.value(type.ofType, owner, name, { variables, required: true })
    const { random } = this
    if (!required && !this.careful && random.chance(0.08)) return NULL
    if (variables && random.chance(0.3)) return { literal: this.variable(type, owner, name, required), json: '' }
    if (isListType(type)) {
      /** @type {{ variables: boolean, required?: boolean }} */
      const options = { variables }
      // A single value is coerced to a list of it; null would stand for the list.
      if (random.chance(0.15)) return this.value(type.ofType, owner, name, { ...options, required: true })
      const items = Array.from({ length: this.#below(3) + (this.careful ? 1 : 0) }, () =>
        this.value(type.ofType, owner, name, options),
      )
      return {
        literal: `[${items.map(({ literal }) => literal).join(', ')}]`,
        json: `[${items.map(({ json }) => json).join(',')}]`,
      }
    }
    if (isEnumType(type)) {
      const value = random.pick(type.getValues()).name
      return { literal: value, json: JSON.stringify(value) }
    }
    return isInputObjectType(type) ? this.#object(type, variables) : this.#scalar(type.name, owner, name)
  }

  /**
   * @param {import('graphql').GraphQLInputObjectType} type
   * @param {boolean} variables
   * @returns {Value}
   */
  #object(type, variables) {
    const fields = random(this).shuffled(Object.values(type.getFields()))
    /** @type {[string, Value][]} */
    const entries = []
    for (const field of fields) {
      const always = ALWAYS.includes(`${type.name}.${field.name}`)
      const needed = always || (isNonNullType(field.type) && field.defaultValue === undefined)
      const optional = !(this.careful && NEVER.includes(field.name)) && this.random.chance(type.isOneOf ? 0 : 0.35)
      if (needed || optional)
        entries.push([field.name, this.value(field.type, type.name, field.name, { variables, required: always })])
    }
    if (type.isOneOf) {
      const field = this.random.pick(fields)
      entries.push([field.name, this.value(field.type, type.name, field.name, { variables: false, required: true })])
    }
    return {
      literal: `{${entries.map(([name, { literal }]) => `${name}: ${literal}`).join(', ')}}`,
      json: `{${entries.map(([name, { json }]) => `"${name}":${json}`).join(',')}}`,
    }
  }

  /**
   * Declares a variable that may stand where a value of this type is expected.
   *
   * @param {InputType} type Without `!`.
   * @param {string} owner
   * @param {string} name
   * @param {boolean} required
   * @returns {string} Its name with the dollar sign.
   */
  variable(type, owner, name, required) {
    const { random } = this
    const variable = `v${this.variables.size}`
    const options = { variables: false, required: true }
    const byDefault = random.chance(0.25) ? this.value(type, owner, name, options).literal : undefined
    const nonNull = (required && byDefault === undefined) || random.chance(0.2)
    const absent = byDefault !== undefined ? random.chance(0.5) : !nonNull && random.chance(0.3)
    const given = this.value(type, owner, name, { variables: false, required: nonNull || this.careful })
    this.variables.set(variable, {
      type: nonNull ? `${type}!` : `${type}`,
      ...(byDefault === undefined ? {} : { default: byDefault }),
      ...(absent ? {} : { json: given.json }),
    })
    return `$${variable}`
  }

  /**
   * @param {string} type
   * @param {string} owner
   * @param {string} name
   * @returns {Value}
   */
  #scalar(type, owner, name) {
    const { random, careful, entities } = this
    switch (type) {
      case 'Boolean':
        return same(String(random.chance(0.5)))
      case 'Int': {
        const usual = careful || random.chance(0.9)
        const number = usual ? 1 + this.#below(3) : random.pick([0, -1, 100, 101, 2_147_483_647, -2_147_483_648])
        if (usual && random.chance(0.1))
          return { literal: `${number}`, json: random.pick([`${number}.0`, `${number}e0`, `${number * 10}e-1`]) }
        return !careful && random.chance(0.02) ? same('-0') : same(`${number}`)
      }
      case 'ID': {
        if (!careful && random.chance(0.03)) return same(random.pick(['7', '-1', '0']))
        const ids = entities.ids(owner, name)
        return plain(careful || random.chance(0.9) ? random.pick(ids) : random.pick(entities.strange))
      }
      case 'EventCursor':
        return plain(careful || random.chance(0.7) ? entities.cursor : 'c000000010000000000000001')
      case 'String':
        if (name === 'sku' || name === 'idempotencyKey')
          return plain(owner.startsWith('Query') ? random.pick(entities.skus) : entities.unique())
        if (name === 'number') return plain(random.pick(entities.numbers))
        if (careful) return plain(`Text ${entities.unique()}`)
        return random.pick(STRINGS)
      default: {
        const texts = TEXTS[type]
        if (!texts) throw new Error(`no values for the scalar ${type}`)
        // The shop has one currency.
        return plain(
          careful && type === 'CurrencyCode' ? 'GBP' : careful && type === 'Decimal' ? '12.50' : random.pick(texts),
        )
      }
    }
  }

  /** @param {number} bound */
  #below(bound) {
    return Math.floor(this.random.next() * bound)
  }
}

/** @param {Values} values */
const random = (values) => values.random

/** @param {string} text @returns {Value} */
function same(text) {
  return { literal: text, json: text }
}

/** @param {string} text @returns {Value} */
function plain(text) {
  return same(JSON.stringify(text))
}
