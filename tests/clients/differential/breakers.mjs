// Ways to break a request. Each is named by the rule of validation that it most often breaks; the reference
// implementation says whether it did.
import { Kind } from 'graphql'
import { Target } from './target.mjs'
import { FIELDS, JSON_VALUES, LITERALS, PIECES, TYPES } from './wrong.mjs'

/** @typedef {import('./documents.mjs').Request} Request */

const values = [Kind.INT, Kind.STRING, Kind.BOOLEAN, Kind.NULL, Kind.ENUM, Kind.LIST, Kind.OBJECT, Kind.VARIABLE]
const definitions = [Kind.OPERATION_DEFINITION, Kind.FRAGMENT_DEFINITION]

/** @type {Record<string, (target: Target, random: import('../lib/random.mjs').Random) => string | undefined>} */
const DOCUMENT_BREAKERS = {
  ExecutableDefinitions: (target, random) =>
    target.append(
      random.pick([
        'type A { a: Int }',
        'extend type Query { a: Int }',
        'scalar A',
        'directive @a on FIELD',
        'schema { query: Query }',
        'enum E { A }',
      ]),
    ),
  UniqueOperationNames: (target, random) =>
    target.append(random.pick(['query Operation { __typename }', 'query B { __typename } query B { __typename }'])),
  LoneAnonymousOperation: (target) => target.append('{ __typename }'),
  SingleFieldSubscriptions: (target, random) => {
    const operation = target.one(Kind.OPERATION_DEFINITION)
    if (operation.operation !== 'subscription')
      return target.append('subscription Sub { orderUpdates { cursor } taskUpdates { cursor } }')
    const at = operation.selectionSet.loc.start + 1
    const root = operation.selectionSet.selections[0]
    return random.chance(0.6)
      ? target.replace(
          { start: at, end: at },
          random.pick([
            ' __typename ',
            ' x: orderUpdates { cursor } ',
            ' ... { __typename } ',
            ' __schema { queryType { name } } ',
          ]),
        )
      : target.before(
          root.kind === Kind.FIELD ? root.selectionSet : undefined,
          random.pick([' @skip(if: false) ', ' @include(if: true) ']),
        )
  },
  KnownTypeNames: (target) => target.replace(target.one(Kind.NAMED_TYPE), 'Nothing'),
  FragmentsOnCompositeTypes: (target, random) =>
    target.replace(target.one(Kind.NAMED_TYPE), random.pick(['String', 'OrderStatus', 'ProductFilter', 'ID'])),
  VariablesAreInputTypes: (target, random) =>
    target.replace(
      target.one(Kind.VARIABLE_DEFINITION)?.type.loc,
      random.pick(['Product', 'Node!', '[Order!]', 'Query']),
    ),
  ScalarLeafs: (target, random) => {
    const field = target.one(Kind.FIELD)
    if (field?.selectionSet) return target.replace(field.selectionSet.loc, '')
    return target.after(field, random.pick([' { x }', ' { __typename }', ' { id }']))
  },
  FieldsOnCorrectType: (target, random) =>
    random.chance(0.5)
      ? target.replace(
          target.one(Kind.FIELD)?.name.loc,
          random.pick(['nothing', 'id', 'name', 'stock', '__type', '__Schema']),
        )
      : target.select(random.pick(FIELDS)),
  UniqueFragmentNames: (target) =>
    target.twice(Kind.FRAGMENT_DEFINITION) ??
    target.append('fragment A on Query { __typename } fragment A on Query { __typename }'),
  KnownFragmentNames: (target) => target.select('...Nothing'),
  NoUnusedFragments: (target, random) =>
    target.append(
      random.pick([
        'fragment Unused on Query { __typename }',
        'fragment Unused on Product { name ...Unused2 } fragment Unused2 on Product { id }',
      ]),
    ),
  PossibleFragmentSpreads: (target, random) =>
    target.select(
      random.pick([
        '... on PageInfo { hasNextPage }',
        '... on Subscription { __typename }',
        '... on Node { id ... on Product { sku } }',
        '... on Product { ... on Order { id } }',
        '... on Money { amount }',
      ]),
    ),
  NoFragmentCycles: (target, random) => {
    const [one, other] = [target.one(Kind.FRAGMENT_DEFINITION), target.one(Kind.FRAGMENT_DEFINITION)]
    if (!one)
      return target.append(
        random.pick(['fragment A on Query { ...A }', 'fragment A on Query { ...B } fragment B on Query { ...A }']),
      )
    const at = one.selectionSet.loc.start + 1
    return target.replace({ start: at, end: at }, ` ...${other.name.value} `)
  },
  UniqueVariableNames: (target) => target.twice(Kind.VARIABLE_DEFINITION),
  NoUndefinedVariables: (target, random) =>
    random.chance(0.5)
      ? target.replace(target.one(Kind.VARIABLE_DEFINITION)?.variable.name.loc, 'other')
      : target.replace(target.one(...values), '$nothing'),
  NoUnusedVariables: (target, random) =>
    target.before(target.one(Kind.VARIABLE_DEFINITION), `$unused: ${random.pick(TYPES)} `),
  KnownDirectives: (target, random) => {
    const directive = random.pick([
      ' @nothing',
      ' @deprecated',
      ' @specifiedBy(url: "x")',
      ' @skip(if: false)',
      ' @include(if: true)',
      ' @oneOf',
      ' @nothing(a: $nothing)',
    ])
    const place = random.next()
    if (place < 0.3) return target.head(target.one(...definitions), directive)
    if (place < 0.5) return target.after(target.one(Kind.VARIABLE_DEFINITION), directive)
    if (place < 0.6) return target.select(`__typename${directive}`)
    const field = target.one(Kind.FIELD)
    return field && target.replace({ start: target.call(field), end: target.call(field) }, directive)
  },
  UniqueDirectivesPerLocation: (target, random) => {
    const text = random.pick([
      ' @skip(if: false) @skip(if: false)',
      ' @include(if: true) @include(if: false)',
      ' @include(if: true) @skip(if: false)',
    ])
    const field = target.one(Kind.FIELD)
    return random.chance(0.3)
      ? target.twice(Kind.DIRECTIVE)
      : target.replace({ start: target.call(field), end: target.call(field) }, text)
  },
  KnownArgumentNames: (target, random) =>
    target.before(
      target.one(Kind.ARGUMENT),
      `${random.pick(['nothing', 'iF', 'first', 'id'])}: ${random.pick(['1', 'null', '$nothing'])} `,
    ) ?? target.select('__typename(x: 1)'),
  UniqueArgumentNames: (target) => target.twice(Kind.ARGUMENT),
  ValuesOfCorrectType: (target, random) => target.replace(target.one(...values), random.pick(LITERALS)),
  'ValuesOfCorrectType: defaults': (target, random) => {
    const definition = target.one(Kind.VARIABLE_DEFINITION)
    return definition?.defaultValue
      ? target.replace(definition.defaultValue.loc, random.pick(LITERALS))
      : target.after(definition, ` = ${random.pick(LITERALS)}`)
  },
  'ValuesOfCorrectType: input fields': (target, random) => {
    const object = target.one(Kind.OBJECT)
    return (
      object &&
      (random.chance(0.5)
        ? target.replace({ start: object.start + 1, end: object.start + 1 }, 'nothing: 1 ')
        : target.replace(target.one(Kind.OBJECT_FIELD), ''))
    )
  },
  'ValuesOfCorrectType: directives': (target, random) =>
    target.select(
      `__typename @${random.pick(['skip', 'include'])}(if: ${random.pick(['"true"', 'null', '1', '[true]', 'TRUE', 'true', '{}'])})`,
    ),
  UniqueInputFieldNames: (target) => target.twice(Kind.OBJECT_FIELD),
  ProvidedRequiredArguments: (target, random) => {
    const argument = target.one(Kind.ARGUMENT)
    if (!argument || random.chance(0.2))
      return target.select(random.pick(['__typename @skip', '__typename @include(iff: true)', 'product { id }']))
    return target.replace(argument, '')?.replace(/\(\s*\)/, '')
  },
  VariablesInAllowedPosition: (target, random) =>
    target.replace(target.one(Kind.VARIABLE_DEFINITION)?.type.loc, (type) =>
      random.pick([type.replace('!', ''), `[${type}]`, `${type.replace(/!$/, '')}!`, random.pick(TYPES)]),
    ),
  OverlappingFieldsCanBeMerged: (target, random) => {
    const [one, other] = [target.one(Kind.FIELD), target.one(Kind.FIELD)]
    const key = other.alias?.value ?? other.name.value
    if (random.chance(0.4)) return target.before(one, `${key}: ${one.alias ? 'id ' : ''}`)
    if (random.chance(0.5))
      return target.replace(
        { start: other.start, end: other.end },
        (text) => `${text} ${text.replace(/\d/, '5').replace(/true/, 'false')}`,
      )
    return target.select(`${key}: ${random.pick(['id', 'name', 'version', 'totalCount'])}`)
  },
  OperationTypes: (target, random) =>
    target.replace(target.one(Kind.OPERATION_DEFINITION), (text) =>
      text.replace(/^(query|mutation|subscription)?/, random.pick(['query', 'mutation', 'subscription'])),
    ),
  Syntax: (target, random) => {
    const { text } = target
    const from = Math.floor(random.next() * text.length)
    const to = from + Math.floor(random.next() * 12)
    const piece = random.pick(PIECES)
    const draw = random.next()
    if (draw < 0.5) return target.replace({ start: from, end: from }, piece)
    if (draw < 0.65) return target.replace({ start: from, end: from + 1 }, '')
    if (draw < 0.75) return target.replace({ start: from, end: to }, piece)
    return target.replace(
      target.one(...definitions, ...values, Kind.ARGUMENT, Kind.NAME),
      random.pick(['', piece, ' ', '#', '{}']),
    )
  },
}

/** @type {Record<string, (request: Request, random: import('../lib/random.mjs').Random) => Request | undefined>} */
const REQUEST_BREAKERS = {
  'operationName: unknown': (request) => ({ ...request, operationName: 'Nothing' }),
  'operationName: missing': ({ query, variables }) => ({ query: `${query} query Other2 { __typename }`, variables }),
  'variables: value': (request, random) => replaceVariable(request, random, random.pick(JSON_VALUES)),
  'variables: null': (request, random) => replaceVariable(request, random, 'null'),
  'variables: missing': (request, random) => replaceVariable(request, random, undefined),
  'variables: within': ({ variables, ...request }, random) => {
    const places = [...variables.matchAll(/(?<=[:[,])("(?:[^"\\]|\\.)*"(?!:)|-?\d[\d.e-]*|true|false|null)/g)]
    if (places.length === 0) return
    const { index, 0: text } = random.pick(places)
    return {
      ...request,
      variables: variables.slice(0, index) + random.pick(JSON_VALUES) + variables.slice(index + text.length),
    }
  },
}

export const BREAKERS = [...Object.keys(DOCUMENT_BREAKERS), ...Object.keys(REQUEST_BREAKERS)]

/**
 * Breaks a request in the way of this name, unless it has nothing that can be broken that way.
 *
 * @param {string} name
 * @param {Request} request
 * @param {import('../lib/random.mjs').Random} random
 * @returns {Request | undefined}
 */
export function breakRequest(name, request, random) {
  const document = DOCUMENT_BREAKERS[name]
  if (!document) return REQUEST_BREAKERS[name]?.(request, random)
  const query = document(new Target(request.query, random), random)
  return query ? { ...request, query } : undefined
}

/**
 * @param {Request} request
 * @param {import('../lib/random.mjs').Random} random
 * @param {string | undefined} json Its new value; without one it is left out.
 */
function replaceVariable(request, random, json) {
  const values = JSON.parse(request.variables)
  const names = [...request.query.matchAll(/\$(v\d+):/g)].map(([, name]) => /** @type {string} */ (name))
  if (names.length === 0) return
  const chosen = random.pick(names)
  const rest = Object.entries(values)
    .filter(([name]) => name !== chosen)
    .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
  return { ...request, variables: `{${[...rest, ...(json === undefined ? [] : [`"${chosen}":${json}`])].join(',')}}` }
}
