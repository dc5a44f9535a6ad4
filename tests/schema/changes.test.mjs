// The comparison with the released schema finds what breaks clients.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { compare } from './changes.mjs'

const released = readFileSync(join(import.meta.dirname, 'released.graphql'), 'utf8')

/**
 * The released schema with one change.
 *
 * @param {string | RegExp} from
 * @param {string} to
 */
function changed(from, to) {
  const schema = released.replace(from, to)
  assert.notEqual(schema, released, `the released schema has ${from}`)
  return schema
}

test('the released schema has no faults', () => {
  assert.deepEqual(compare(released, released, []), { faults: [], dangerous: [] })
})

test('each change that breaks clients is named', () => {
  const changes = /** @type {const} */ ([
    [/(type Product [^}]*?)\bsku: String!/, '$1skuCode: String!', 'FIELD_REMOVED: Product.sku was removed.'],
    ['	stock: Int!', '	stock: Int', 'FIELD_CHANGED_KIND: Product.stock changed type from Int! to Int.'],
    ['first: Int = 10', 'first: Float = 10', 'ARG_CHANGED_KIND: Query.trendingProducts arg first has changed type from Int to Float.'],
    [/\n\tBAD_CREDENTIALS\b/, '\n\tWRONG_PASSWORD', 'VALUE_REMOVED_FROM_ENUM: BAD_CREDENTIALS was removed from enum type UserErrorCode.'],
    [/(input DeleteTaskInput \{)/, '$1\n\treason: String!', 'REQUIRED_INPUT_FIELD_ADDED: A required field reason on input type DeleteTaskInput was added.'],
    ['type Task implements Node', 'type Task', 'IMPLEMENTED_INTERFACE_REMOVED: Task no longer implements interface Node.'],
  ])
  for (const [from, to, expected] of changes) {
    const schema = changed(from, to)
    assert.deepEqual(compare(released, schema, []).faults, [expected])
    assert.deepEqual(compare(released, schema, [expected]).faults, [])
  }
})

test('an accepted change that is not there is a fault', () => {
  assert.deepEqual(compare(released, released, ['FIELD_REMOVED: A.b was removed.']).faults, [
    'accepted, but no change: FIELD_REMOVED: A.b was removed.',
  ])
})

test('what clients may notice is named and is no fault', () => {
  const { faults, dangerous } = compare(released, changed(/\n\tBAD_CREDENTIALS\b/, '\n\tNEW\n\tBAD_CREDENTIALS'), [])
  assert.deepEqual(faults, [])
  assert.deepEqual(dangerous, ['VALUE_ADDED_TO_ENUM: NEW was added to enum type UserErrorCode.'])
})

test('a deprecation says until when the field stays', () => {
  const deprecated = (/** @type {string} */ reason) =>
    compare(released, changed('	stock: Int!', `	stock: Int! @deprecated(reason: "${reason}")`), []).faults
  assert.deepEqual(deprecated('Use stockLevel. Removed after 2027-06-30.'), [])
  assert.deepEqual(deprecated('Use stockLevel.'), [
    'Product.stock: the reason of @deprecated must end with ". Removed after YYYY-MM-DD."',
  ])
})
