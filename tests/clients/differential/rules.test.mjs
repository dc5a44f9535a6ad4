// Each rule of validation with documents that keep it and documents that break it. What is expected stands in the table;
// graphql-js and the server both have to say it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse, validate } from 'graphql'
import { startComparison } from './comparison.mjs'
import { EXECUTIONS, VARIABLES } from './executions.mjs'
import { RULES } from './rules.mjs'
import { loadSchema } from './schema.mjs'
import { SYNTAX } from './syntax.mjs'
import { rules } from './validation.mjs'

const schema = loadSchema()
const all = rules.map(({ rule }) => rule)
const tested = startComparison(schema)

/**
 * Sends a request as the staff.
 *
 * @param {import('./documents.mjs').Request} request
 */
function send(request) {
  return tested.comparison.run({ kind: 'query', request, viewer: 0, intact: true })
}

/**
 * A text with ids in place of `PRODUCT` and the like.
 *
 * @param {string} text
 */
function named(text) {
  const { product, order, task, user } = tested.comparison.world.entities.byKind
  const ids = {
    PRODUCT: product[0],
    OTHER: product[1],
    ORDER: order[0],
    TASK: task[0],
    USER: user[0],
    NUMBER: tested.comparison.world.entities.numbers[0],
    CURSOR: tested.comparison.world.entities.cursor,
  }
  return Object.entries(ids).reduce(
    (filled, [name, id]) => filled.replace(new RegExp(`(?<=")${name}(?=")`, 'g'), id ?? ''),
    text,
  )
}

/** The name of the first of several operations. @param {string} query */
function firstOperation(query) {
  const names = [...query.matchAll(/(?:^|} |" )(?:query|mutation|subscription) (\w+)/g)]
  return names.length > 1 || /subscription/.test(query) ? { operationName: names[0]?.[1] ?? '' } : {}
}

/**
 * The documents for which the server does something else than expected.
 *
 * @param {string[]} documents
 * @param {'executed' | 'refused'} expected
 */
async function surprises(documents, expected) {
  const found = []
  for (const text of documents) {
    const query = named(text)
    const variables = expected === 'executed' ? valuesFor(query) : '{}'
    const { verdict, problem, answer } = await send({ query, variables, ...firstOperation(query) })
    const done = verdict === 'limit' ? 'refused' : verdict
    if (problem || done !== expected)
      found.push(`${query}\n${problem ?? `${verdict} instead of ${expected}`}: ${JSON.stringify(answer)}`)
  }
  return found.join('\n\n')
}

/** Values for the variables that the documents of the tables declare. @param {string} query */
function valuesFor(query) {
  /** @type {Record<string, unknown>} */
  const values = {}
  const [product] = tested.comparison.world.entities.byKind.product
  for (const [, name = '', type = ''] of query.matchAll(/\$(\w+): ([\w[\]!]+)(?! =)/g)) {
    if (type.endsWith('!'))
      values[name] = {
        'ID!': product,
        'Boolean!': true,
        'Int!': 1,
        '[ID!]!': [product],
        'OrderStatus!': 'PENDING',
        'ProductOrderField!': 'NAME',
      }[type]
  }
  return JSON.stringify(values)
}

test('the table has documents for every rule of graphql-js', () => {
  const few = rules
    .map(({ name }) => name)
    .filter((name) => (RULES[name]?.valid.length ?? 0) < 3 || (RULES[name]?.invalid.length ?? 0) < 3)
  assert.deepEqual(few, [])
})

for (const { name, rule } of rules) {
  const { valid = [], invalid = [] } = RULES[name] ?? {}
  test(`${name}: valid documents are executed, others refused`, async () => {
    for (const text of valid) assert.deepEqual(validate(schema, parse(named(text)), all), [], text)
    for (const text of invalid) assert.notDeepEqual(validate(schema, parse(named(text)), [rule]), [], text)
    assert.equal(await surprises(valid, 'executed'), '')
    assert.equal(await surprises(invalid, 'refused'), '')
  })
}

test('documents are parsed as the specification has it', async () => {
  for (const text of SYNTAX.valid) parse(text)
  for (const text of SYNTAX.invalid) assert.throws(() => parse(text), text)
  assert.equal(await surprises(SYNTAX.valid, 'executed'), '')
  assert.equal(await surprises(SYNTAX.invalid, 'refused'), '')
})

test('values of variables are accepted and refused as the specification has it', async () => {
  const found = []
  for (const { declared, use, accepted, refused } of VARIABLES) {
    for (const [values, expected] of /** @type {const} */ ([
      [accepted, 'executed'],
      [refused, 'refused'],
    ])) {
      for (const value of values) {
        const variables = value === undefined ? '{}' : named(`{"a":${value}}`)
        const { verdict, problem, answer } = await send({ query: `query ($a: ${declared}) { ${use} }`, variables })
        if (problem || verdict !== expected)
          found.push(
            `$a: ${declared}, ${variables}: ${problem ?? `${verdict} instead of ${expected}`}: ${JSON.stringify(answer)}`,
          )
      }
    }
  }
  assert.equal(found.join('\n'), '')
})

for (const [what, cases] of Object.entries(EXECUTIONS)) {
  test(`execution: ${what}`, async () => {
    const found = []
    for (const { query, variables = '{}', operationName, data } of cases) {
      const request = {
        query: named(query),
        variables: named(variables),
        ...(operationName === undefined ? {} : { operationName }),
      }
      const { problem, answer } = await send(request)
      const actual = JSON.stringify(/** @type {any} */ (answer).data)
      if (problem || actual !== named(data))
        found.push(
          `${request.query}\n${problem ?? ''}\nexpected ${named(data)}\nfound    ${actual} ${JSON.stringify(/** @type {any} */ (answer).errors)}`,
        )
    }
    assert.equal(found.join('\n\n'), '')
  })
}
