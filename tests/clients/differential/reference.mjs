// What the reference implementation, graphql-js, says of a request and of the server's answer to it.
import {
  Kind,
  execute,
  getNamedType,
  getOperationAST,
  getVariableValues,
  isCompositeType,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  parse,
  responsePathAsArray,
  validate,
  visit,
} from 'graphql'
import { differ } from './differ.mjs'
import { rules } from './validation.mjs'

/**
 * @typedef {import('./documents.mjs').Request} Request
 * @typedef {{ path?: (string | number)[], message: string, extensions?: { code?: string } }} AnswerError
 * @typedef {{ data?: any, errors?: AnswerError[] }} Answer
 *
 * A root field of a mutation, in the order of execution.
 *
 * @typedef {{ key: string, field: string, args: any }} RootCall
 *
 * What an answer says of a field of an object: the same field of the same object has the same value.
 *
 * @typedef {{ object: string, place: string, field: string, value: string, root: string }} Fact
 */

/** The kinds of ids, by which the concrete type of a `Node` is known. @type {Record<string, string>} */
const TYPES = { usr: 'User', prd: 'Product', ord: 'Order', tsk: 'Task' }

/** An error of the server, thrown where the server says that it happened. */
class Reported extends Error {}

/**
 * Decides whether a request is valid.
 *
 * @param {import('graphql').GraphQLSchema} schema
 * @param {Request} request
 * @returns {string | undefined} Why it is not.
 */
export function refusal(schema, { query, variables, operationName }) {
  let document
  try {
    document = parse(query)
  } catch (error) {
    return String(error)
  }
  const [error] = validate(
    schema,
    document,
    rules.map(({ rule }) => rule),
  )
  if (error) return error.message
  if (hasNullCondition(schema, document, JSON.parse(variables), operationName)) return 'a condition is null'
  // An operation that can't be run, such as one with a wrong value of a variable, has no data entry.
  const fieldResolver = () => undefined
  const result = execute({
    schema,
    document,
    operationName,
    variableValues: JSON.parse(variables),
    rootValue: {},
    fieldResolver,
  })
  return 'data' in result ? undefined : /** @type {any} */ (result).errors[0].message
}

/**
 * Whether a variable that is null, against its default, decides what to include. The specification does not say what
 * happens then, and graphql-js fails the object around it; the server refuses the operation before anything runs.
 *
 * @param {import('graphql').GraphQLSchema} schema
 * @param {import('graphql').DocumentNode} document
 * @param {Record<string, unknown>} given
 * @param {string | undefined} operationName
 */
function hasNullCondition(schema, document, given, operationName) {
  const { variableDefinitions = [] } = getOperationAST(document, operationName) ?? {}
  const { coerced = {} } = getVariableValues(schema, variableDefinitions, given)
  let found = false
  visit(document, {
    Directive: ({ arguments: [condition] = [] }) => {
      if (condition?.value.kind === Kind.VARIABLE && coerced[condition.value.name.value] === null) found = true
    },
  })
  return found
}

/**
 * Executes a valid request on the values of the server's answer, and says in what the answer is not what it has to be.
 *
 * @param {import('graphql').GraphQLSchema} schema
 * @param {Request} request
 * @param {Answer} answer
 * @returns {{ problems: string[], facts: Fact[], calls: RootCall[] }}
 */
export function replay(schema, { query, variables, operationName }, { data, errors = [] }) {
  const source = new Source(schema, errors)
  const reference = /** @type {import('graphql').ExecutionResult} */ (
    execute({
      schema,
      document: parse(query),
      operationName,
      variableValues: JSON.parse(variables),
      rootValue: data ?? new Missing(),
      fieldResolver: source.resolve,
      typeResolver: source.type,
    })
  )
  const problems = []
  for (const { message, path, originalError } of reference.errors ?? []) {
    // An argument that is null where it must not be is an error that both have.
    if (!(originalError instanceof Reported) && !source.isError(path))
      problems.push(`at ${path?.join('.') ?? 'the operation'} the server has no error, the reference has: ${message}`)
  }
  const difference = differ(reference.data, data)
  if (difference && problems.length === 0) problems.push(difference)
  for (const { path, message } of errors) {
    if (!path) problems.push(`an error without a path: ${message}`)
    else if (!endsInNull(data, path))
      problems.push(`there is a value at the path of an error, ${path.join('.')}: ${message}`)
  }
  return { problems, facts: source.facts(), calls: source.calls }
}

/**
 * What is known of an object or a list of objects before their fields; nothing where there is an error.
 *
 * @param {any} value
 * @returns {string}
 */
function outline(value) {
  if (value instanceof Error || value instanceof Missing) return ''
  if (Array.isArray(value)) {
    const entries = value.map(outline)
    return entries.includes('') ? '' : JSON.stringify(entries)
  }
  return value ? '{}' : 'null'
}

/**
 * Whether there is null at this path or above.
 *
 * @param {any} value
 * @param {(string | number)[]} path
 */
function endsInNull(value, path) {
  for (const key of path) {
    if (value === null) return true
    value = value?.[key]
  }
  return value === null
}

/** Stands for an object that the server left out because of an error in it. */
class Missing {}

/** Resolves fields from an answer. */
class Source {
  /** @type {RootCall[]} */
  calls = []
  /** @type {Map<string, AnswerError>} */
  #errors
  /** What is known of each object of the answer. @type {Map<object, { place: string, type?: string, id?: string, values: [string, string][], root: string }>} */
  #objects = new Map()

  /**
   * @param {import('graphql').GraphQLSchema} schema
   * @param {AnswerError[]} errors
   */
  constructor(schema, errors) {
    this.schema = schema
    this.#errors = new Map(errors.flatMap((error) => (error.path ? [[JSON.stringify(error.path), error]] : [])))
  }

  /** @type {import('graphql').GraphQLTypeResolver<any, unknown>} */
  type = (value) => this.#objects.get(value)?.type

  /** @type {import('graphql').GraphQLFieldResolver<any, unknown>} */
  resolve = (parent, args, _, info) => {
    const path = responsePathAsArray(info.path)
    if (path.length === 1) this.calls.push({ key: String(path[0]), field: info.fieldName, args })
    const call = `${info.fieldName}(${JSON.stringify(args)})`
    const known = this.#know(parent, { place: '', values: [], root: String(path[0]) })
    const value = this.#value(parent, path, info.returnType)
    if (isLeafType(getNamedType(info.returnType))) {
      if (!(parent instanceof Missing)) known.values.push([call, value instanceof Error ? '' : JSON.stringify(value)])
      if (info.fieldName === 'id' && typeof value === 'string') known.id = value
      return value
    }
    if (!(parent instanceof Missing)) known.values.push([call, outline(value)])
    const entries = Array.isArray(value) ? value : [value]
    for (const [index, entry] of entries.entries()) {
      if (typeof entry !== 'object' || entry === null || entry instanceof Error) continue
      const named = args.id ?? args.ids?.[index]
      const type = isObjectType(getNamedType(info.returnType))
        ? getNamedType(info.returnType).name
        : TYPES[String(named).slice(0, 3)]
      const place = `${known.id ?? known.place}.${call}${Array.isArray(value) ? `[${index}]` : ''}`
      this.#know(entry, {
        place,
        values: [],
        root: String(path[0]),
        ...(type ? { type } : {}),
        ...(known.place === '' && named ? { id: named } : {}),
      })
    }
    return value
  }

  /** @param {readonly (string | number)[] | undefined} path */
  isError(path) {
    return this.#errors.has(JSON.stringify(path))
  }

  /** @returns {Fact[]} */
  facts() {
    return [...this.#objects.values()].flatMap(({ place, id, values, root }) =>
      values
        .filter(([, value]) => value !== '')
        .map(([field, value]) => ({ object: id ?? place, place, field, value, root })),
    )
  }

  /**
   * @param {object} object
   * @param {{ place: string, type?: string, id?: string, values: [string, string][], root: string }} otherwise
   */
  #know(object, otherwise) {
    const known = this.#objects.get(object) ?? otherwise
    this.#objects.set(object, known)
    return known
  }

  /**
   * @param {any} parent
   * @param {(string | number)[]} path
   * @param {import('graphql').GraphQLOutputType} type
   * @returns {any}
   */
  #value(parent, path, type) {
    const error = this.#errors.get(JSON.stringify(path))
    if (error) return new Reported(error.message)
    const nullable = isNonNullType(type) ? type.ofType : type
    const key = /** @type {string} */ (path.at(-1))
    const value = parent instanceof Missing ? undefined : Object.hasOwn(parent, key) ? parent[key] : undefined
    if (isListType(nullable)) {
      const length = Math.max(...[...this.#below(path)].map((index) => Number(index) + 1), 0)
      if (Array.isArray(value)) return value.map((_, index) => this.#value(value, [...path, index], nullable.ofType))
      if (length > 0 && (value === null || value === undefined))
        return Array.from({ length }, (_, index) => this.#value(new Missing(), [...path, index], nullable.ofType))
      return parent instanceof Missing ? [] : value
    }
    if (value !== null && value !== undefined) return value
    if (isCompositeType(nullable) && (this.#below(path).size > 0 || (parent instanceof Missing && isNonNullType(type))))
      return new Missing()
    if (!(parent instanceof Missing)) return value
    if (!isNonNullType(type)) return null
    return isEnumType(nullable)
      ? nullable.getValues()[0]?.value
      : ({ Int: 0, Float: 0, Boolean: false }[String(nullable)] ?? '')
  }

  /**
   * The keys below a path that lead to errors.
   *
   * @param {(string | number)[]} path
   */
  #below(path) {
    const paths = [...this.#errors.values()].map((error) => error.path ?? [])
    return new Set(
      paths
        .filter((other) => other.length > path.length && path.every((key, index) => key === other[index]))
        .map((other) => other[path.length]),
    )
  }
}
