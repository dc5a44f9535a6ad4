// Where two answers differ.

/**
 * Says where the data of two answers differ first: in their keys, the order of these, or a value.
 *
 * @param {any} expected
 * @param {any} actual
 */
export function differ(expected, actual) {
  return difference(sortIntrospection(expected), sortIntrospection(actual), 'data')
}

/**
 * @param {any} expected
 * @param {any} actual
 * @param {string} path
 * @returns {string | undefined}
 */
function difference(expected, actual, path) {
  if (JSON.stringify(expected) === JSON.stringify(actual)) return
  const [one, other] = [expected, actual].map((value) =>
    value !== null && typeof value === 'object' ? Object.keys(value) : undefined,
  )
  if (!one || !other) return `${path} is ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`
  if (one.join() !== other.join()) return `${path} has the keys ${other} instead of ${one}`
  return one.map((key) => difference(expected[key], actual[key], `${path}.${key}`)).find((found) => found)
}

/**
 * Sorts the lists of introspection, whose order is not specified.
 *
 * @param {any} data
 */
function sortIntrospection(data) {
  return (
    data &&
    Object.fromEntries(
      Object.entries(data).map(([key, part]) => [key, key === '__schema' || key === '__type' ? sorted(part) : part]),
    )
  )
}

/**
 * @param {any} part
 * @returns {any}
 */
function sorted(part) {
  if (Array.isArray(part))
    return part.map(sorted).sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1))
  if (part === null || typeof part !== 'object') return part
  return Object.fromEntries(Object.entries(part).map(([key, entry]) => [key, sorted(entry)]))
}
