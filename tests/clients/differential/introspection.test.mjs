// The server's introspection is that of graphql-js for the same schema, in each field that the September 2025 edition has.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { executeSync, getNamedType, introspectionTypes, isLeafType, isObjectType, parse } from 'graphql'
import { TestServer } from '../lib/server.mjs'
import { QUERIES } from './ask.mjs'
import { loadSchema } from './schema.mjs'

/** What graphql-js has from drafts of later editions: <https://github.com/graphql/graphql-spec/pull/1206>. */
const LATER = [
  '__Schema.directives.includeDeprecated',
  '__Directive.isDeprecated',
  '__Directive.deprecationReason',
  '__DirectiveLocation.DIRECTIVE_DEFINITION',
]
/** Levels of lists and non-null types around a named type, and one. */
const WRAPPINGS = 6

/** @type {TestServer} */
let server
before(async () => {
  server = await TestServer.start()
})
after(() => server?.stop())

/**
 * A query for every field of every type of introspection. A type within another is selected by its name.
 */
function everything() {
  const fragments = introspectionTypes.filter(isObjectType).map((type) => {
    const fields = Object.values(type.getFields()).filter(({ name }) => !LATER.includes(`${type.name}.${name}`))
    const selections = fields.map(({ name, args, type: result }) => {
      const below = getNamedType(result)
      const given = args.filter((argument) => !LATER.includes(`${type.name}.${name}.${argument.name}`))
      const deprecated = given.length > 0 ? '(includeDeprecated: true)' : ''
      const whole = type.name === '__Schema' || below.name !== '__Type'
      const selection = isLeafType(below) ? '' : ` { __typename ...${whole ? below.name : 'Reference'} }`
      return `${name}${deprecated}${selection}`
    })
    return `fragment ${type.name} on ${type.name} { ${selections.join(' ')} }`
  })
  const reference = `${'kind name ofType { '.repeat(WRAPPINGS)}name${' }'.repeat(WRAPPINGS)}`
  return `{ __schema { __typename ...__Schema } } ${fragments.join(' ')} fragment Reference on __Type { ${reference} }`
}

/**
 * What an answer says of the schema, without what later editions add. Types, directives and the fields of the types of
 * introspection are compared by name.
 *
 * @param {any} schema
 */
function comparable({ types, directives, ...rest }) {
  const byName = (/** @type {any[]} */ list) => Object.fromEntries(list.map((one) => [one.name, one]))
  const kept = (/** @type {string} */ parent, /** @type {any[] | null} */ members) =>
    members?.filter(({ name }) => !LATER.includes(`${parent}.${name}`))
  const type = (/** @type {any} */ { name, fields, enumValues, ...others }) => {
    const own = kept(name, fields)?.map((field) => ({ ...field, args: kept(`${name}.${field.name}`, field.args) }))
    const ordered = own && name.startsWith('__') ? byName(own) : own
    return { name, ...others, fields: ordered, enumValues: kept(name, enumValues) }
  }
  const directive = (/** @type {any} */ { locations, ...others }) => {
    const known = (/** @type {string} */ location) => !LATER.includes(`__DirectiveLocation.${location}`)
    return { ...others, locations: locations.filter(known) }
  }
  return { ...rest, types: byName(types.map(type)), directives: byName(directives.map(directive)) }
}

for (const [name, ask] of Object.entries(QUERIES)) {
  test(`${name}: every field of introspection is answered as by graphql-js`, async () => {
    const query = everything()
    const expected = executeSync({ schema: loadSchema(), document: parse(query) })
    const { data, errors } = await ask(server.url, undefined, { query, variables: '{}' })
    assert.deepEqual([errors, expected.errors], [undefined, undefined])
    assert.deepEqual(comparable(data.__schema), comparable(JSON.parse(JSON.stringify(expected.data)).__schema))
  })
}
