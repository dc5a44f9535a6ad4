// Compares schema.graphql with released.graphql, the schema of the last release.
//
//   node changes.mjs          prints the changes; fails with those that break clients and are not in accepted.txt
//   node changes.mjs release  makes schema.graphql the released schema, and empties accepted.txt
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  buildSchema,
  findBreakingChanges,
  findDangerousChanges,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
} from 'graphql'

/** The end of the reason of a deprecation: when the field may go. */
const REMOVAL = /\. Removed after \d{4}-\d{2}-\d{2}\.$/

/**
 * What is wrong with a schema beside the released one, and what clients may notice although it is not.
 *
 * @param {string} released
 * @param {string} current
 * @param {string[]} accepted Breaking changes that are meant, as this function names them.
 * @returns {{ faults: string[], dangerous: string[] }}
 */
export function compare(released, current, accepted) {
  const [before, after] = [buildSchema(released), buildSchema(current)]
  const breaking = findBreakingChanges(before, after).map(({ type, description }) => `${type}: ${description}`)
  return {
    faults: [
      ...breaking.filter((change) => !accepted.includes(change)),
      ...accepted.filter((change) => !breaking.includes(change)).map((change) => `accepted, but no change: ${change}`),
      ...deprecations(after),
    ],
    dangerous: findDangerousChanges(before, after).map(({ type, description }) => `${type}: ${description}`),
  }
}

/**
 * Deprecations whose reason does not end with the day after which the field may be removed.
 *
 * @param {import('graphql').GraphQLSchema} schema
 */
function deprecations(schema) {
  const faults = []
  for (const type of Object.values(schema.getTypeMap())) {
    const members = isEnumType(type)
      ? type.getValues()
      : isObjectType(type) || isInterfaceType(type) || isInputObjectType(type)
        ? Object.values(type.getFields())
        : []
    for (const member of members) {
      for (const part of [member, ...('args' in member ? member.args : [])]) {
        if (part.deprecationReason != null && !REMOVAL.test(part.deprecationReason)) {
          const at = part === member ? member.name : `${member.name}(${part.name}:)`
          faults.push(`${type.name}.${at}: the reason of @deprecated must end with ". Removed after YYYY-MM-DD."`)
        }
      }
    }
  }
  return faults
}

if (process.argv[1] === import.meta.filename) {
  const file = (/** @type {string} */ name) => join(import.meta.dirname, name)
  const current = readFileSync(file('../../schema.graphql'), 'utf8')
  if (process.argv[2] === 'release') {
    writeFileSync(file('released.graphql'), current)
    writeFileSync(file('accepted.txt'), '')
  } else {
    const accepted = readFileSync(file('accepted.txt'), 'utf8').split('\n').filter((line) => line !== '')
    const { faults, dangerous } = compare(readFileSync(file('released.graphql'), 'utf8'), current, accepted)
    if (dangerous.length > 0) console.log(`Changes that clients may notice:\n${dangerous.join('\n')}\n`)
    if (faults.length > 0) {
      console.error(`schema.graphql breaks clients of the last release:\n${faults.join('\n')}\n`)
      console.error('docs/clients.md ("How the schema changes") says what to do.')
      process.exit(1)
    }
    console.log('No change of schema.graphql breaks clients of the last release.')
  }
}
