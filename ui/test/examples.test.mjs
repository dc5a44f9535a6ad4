// Every example tab must be valid against the schema the server publishes.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { buildSchema, parse, validate } from 'graphql'
import { getVariableValues } from 'graphql/execution/values.js'

const folder = fileURLToPath(new URL('../src/examples/', import.meta.url))
const schemaPath =
  process.env.ORDERWIRE_SCHEMA ?? fileURLToPath(new URL('../../schema.graphql', import.meta.url))
const schema = buildSchema(readFileSync(schemaPath, 'utf8'))

for (const file of readdirSync(folder).filter((name) => name.endsWith('.graphql'))) {
  test(file, () => {
    const document = parse(readFileSync(folder + file, 'utf8'))
    assert.deepEqual(validate(schema, document).map(String), [])

    const variablesPath = folder + file.replace('.graphql', '.json')
    const variables = existsSync(variablesPath)
      ? JSON.parse(readFileSync(variablesPath, 'utf8'))
      : {}
    for (const operation of document.definitions) {
      const { errors } = getVariableValues(schema, operation.variableDefinitions, variables)
      assert.deepEqual(errors?.map(String), undefined)
    }
  })
}
