// The schema as the reference implementation takes it, with the rules of our scalars.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Kind, buildSchema, isScalarType } from 'graphql'

const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/
const DECIMAL = /^(-?)(\d+)(?:\.(\d{1,4}))?$/

/**
 * Which strings each scalar of ours accepts. Anything that is not a string is refused.
 *
 * @type {Record<string, (text: string) => boolean>}
 */
const ACCEPTS = {
  DateTime(text) {
    const [, year = 0, month = 0, day = 0] = DATE_TIME.exec(text)?.map(Number) ?? []
    return (
      year > 0 &&
      month >= 1 &&
      month <= 12 &&
      day >= 1 &&
      day <= new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()
    )
  },
  Decimal(text) {
    const [, sign, whole, fraction = ''] = DECIMAL.exec(text) ?? []
    if (whole === undefined) return false
    const units = BigInt(`${sign}${whole}${fraction.padEnd(4, '0')}`)
    return BigInt.asIntN(64, units) === units
  },
  EventCursor: (text) => /^(c[0-9a-f]{24}|e[0-9a-f]{24}|e[0-9a-f]{40})$/.test(text),
  CurrencyCode: (text) => ['CHF', 'EUR', 'GBP', 'JPY', 'USD'].includes(text),
}

/** Builds the published schema. Its custom scalars accept what the server's do. */
export function loadSchema() {
  const schema = buildSchema(readFileSync(join(import.meta.dirname, '../../../schema.graphql'), 'utf8'))
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isScalarType(type) || ['Int', 'Float', 'String', 'Boolean', 'ID'].includes(type.name)) continue
    const accepts = ACCEPTS[type.name]
    if (!accepts) throw new Error(`${type.name}: say in ${import.meta.filename} which strings this scalar accepts`)
    type.parseValue = (value) => {
      if (typeof value !== 'string' || !accepts(value))
        throw new TypeError(`${JSON.stringify(value)} is no ${type.name}`)
      return value
    }
    type.parseLiteral = (node) => type.parseValue(node.kind === Kind.STRING ? node.value : undefined)
  }
  return schema
}
