// Makes a request that shows a disagreement smaller, for as long as it still shows one.
import { Kind, parse, visit } from 'graphql'

/**
 * @typedef {import('./documents.mjs').Request} Request
 *
 * A range of a document, and what may stand in its place.
 *
 * @typedef {{ start: number, end: number, by: string }} Cut
 */

/**
 * @param {Request} request
 * @param {(request: Request) => Promise<boolean>} disagrees
 * @param {{ values?: boolean, within?: number }} [options] Whether values are made smaller, too; milliseconds after which it
 *   stops.
 * @returns {Promise<Request>}
 */
export async function shrink(request, disagrees, { values = true, within = 5_000 } = {}) {
  const deadline = performance.now() + within
  let smallest = request
  for (let progress = true; progress;) {
    progress = false
    // After a success the search goes on where it was: what was kept before is probably still needed.
    for (let at = 0, candidates = smaller(smallest, values); at < candidates.length && performance.now() < deadline;) {
      const candidate = /** @type {() => Request} */ (candidates[at])()
      if (size(candidate) < size(smallest) && (await disagrees(candidate))) {
        smallest = candidate
        progress = true
        candidates = smaller(smallest, values)
      } else {
        at += 1
      }
    }
  }
  return smallest
}

/** @param {Request} request */
function size({ query, variables, operationName = '' }) {
  return query.length + variables.length + operationName.length
}

/**
 * Makers of requests that have less than this one, those that have much less first.
 *
 * @param {Request} request
 * @param {boolean} inValues
 * @returns {(() => Request)[]}
 */
function smaller(request, inValues) {
  const { operationName, ...unnamed } = request
  const values = Object.entries(JSON.parse(request.variables))
  return [
    ...cuts(request.query, inValues).map((cut) => () => ({ ...request, query: without(request.query, cut) })),
    ...(operationName === undefined ? [] : [() => unnamed]),
    // This also writes numbers in their usual way, which fails if that is what matters.
    ...values.map(([name]) => () => ({
      ...request,
      variables: JSON.stringify(Object.fromEntries(values.filter(([other]) => other !== name))),
    })),
  ]
}

/**
 * The text without a range, and without the variables and fragments that are no longer used then.
 *
 * @param {string} text
 * @param {Cut} cut
 */
function without(text, { start, end, by }) {
  const before = unused(text)
  let after = text.slice(0, start) + by + text.slice(end)
  for (;;) {
    const left = [...unused(after)].find(([name]) => !before.has(name))
    if (!left) return after
    const [, range] = left
    after = after.slice(0, range.start) + after.slice(range.end)
    after = after.replace(/\(\s*\)/, '')
  }
}

/**
 * Where the variables and fragments are declared that the text does not use.
 *
 * @param {string} text
 * @returns {Map<string, { start: number, end: number }>}
 */
function unused(text) {
  const declared = new Map()
  const used = new Set()
  try {
    visit(parse(text), {
      enter(node, key) {
        if (node.kind === Kind.VARIABLE_DEFINITION) declared.set(`$${node.variable.name.value}`, node.loc)
        if (node.kind === Kind.FRAGMENT_DEFINITION) declared.set(node.name.value, node.loc)
        if (node.kind === Kind.VARIABLE && key !== 'variable') used.add(`$${node.name.value}`)
        if (node.kind === Kind.FRAGMENT_SPREAD) used.add(node.name.value)
      },
    })
  } catch {
    return new Map()
  }
  for (const name of used) declared.delete(name)
  return declared
}

/**
 * @param {string} text
 * @param {boolean} inValues
 * @returns {Cut[]}
 */
function cuts(text, inValues) {
  /** @type {Cut[]} */
  const found = []
  try {
    visit(parse(text), {
      enter(node, key, parent) {
        const { start = 0, end = 0 } = node.loc ?? {}
        if (!inValues && (node.kind === Kind.ARGUMENT || node.kind === Kind.VARIABLE_DEFINITION)) return false
        if (Array.isArray(parent) || key === 'selectionSet' || key === 'defaultValue') {
          found.push({ start: key === 'defaultValue' ? text.lastIndexOf('=', start) : start, end, by: '' })
        }
        if (key === 'alias') found.push({ start, end: text.indexOf(':', end) + 1, by: '' })
        // A selection gives way to what it selects, a value to null.
        const set = 'selectionSet' in node ? node.selectionSet?.loc : undefined
        if (set && Array.isArray(parent)) found.push({ start, end, by: text.slice(set.start + 1, set.end - 1) })
        if (key === 'value') found.push({ start, end, by: 'null' })
        for (const list of [
          node.kind === Kind.FIELD ? node.arguments : [],
          node.kind === Kind.OPERATION_DEFINITION ? node.variableDefinitions : [],
        ]) {
          const [first, last] = [list?.[0]?.loc, list?.at(-1)?.loc]
          if (inValues && first && last)
            found.push({ start: text.lastIndexOf('(', first.start), end: text.indexOf(')', last.end) + 1, by: '' })
        }
        return
      },
    })
  } catch {
    for (let length = Math.ceil(text.length / 2); length >= 1; length = length === 1 ? 0 : Math.ceil(length / 2)) {
      for (let start = 0; start < text.length; start += length) found.push({ start, end: start + length, by: '' })
    }
  }
  found.push(
    ...[...text.matchAll(/[\s,]{2,}/g)].map(({ index, 0: { length } }) => ({
      start: index,
      end: index + length,
      by: ' ',
    })),
  )
  const gain = (/** @type {Cut} */ { start, end, by }) => end - start - by.length
  return found.sort((one, other) => gain(other) - gain(one))
}
