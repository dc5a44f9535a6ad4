/**
 * A GraphQL error as clients get it.
 *
 * @typedef {object} GraphqlError
 * @property {string} message
 * @property {{ code?: string, [key: string]: unknown }} [extensions]
 */

/** The server refused a request, or a mutation returned user errors. */
export class Refusal extends Error {
  /**
   * @param {string} message
   * @param {string} code Of the first error; the HTTP status when there is none.
   */
  constructor(message, code) {
    super(`${code}: ${message}`)
    this.code = code
  }
}

/**
 * Runs a query or a mutation.
 *
 * @param {string} url
 * @param {string} query
 * @param {object} [variables]
 * @param {object} [options]
 * @param {string} [options.token]
 * @param {number} [options.within] Milliseconds.
 * @returns {Promise<any>} The data.
 */
export async function call(url, query, variables = {}, { token, within = 30_000 } = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...bearer(token) },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(within),
  })
  const { data, errors } = await response.json()
  if (errors) throw new Refusal(errors[0].message, errors[0].extensions?.code ?? String(response.status))
  return data
}

/**
 * Runs a mutation of one field. Throws its first user error as a {@link Refusal}.
 *
 * @param {string} url
 * @param {string} field
 * @param {string} inputType
 * @param {object} input
 * @param {string} selection The fields of the payload to select.
 * @param {{ token?: string, within?: number }} [options]
 * @returns {Promise<any>} The payload.
 */
export async function mutate(url, field, inputType, input, selection, options) {
  const query = `mutation ($input: ${inputType}!) { ${field}(input: $input) { ${selection} userErrors { code message } } }`
  const { [field]: payload } = await call(url, query, { input }, options)
  const [error] = payload.userErrors
  if (error) throw new Refusal(error.message, error.code)
  return payload
}

/**
 * @param {string | undefined} token
 * @returns {Record<string, string>}
 */
export function bearer(token) {
  return token ? { authorization: `Bearer ${token}` } : {}
}

/**
 * @param {string} url
 * @param {{ email: string, password: string }} credentials
 * @param {{ within?: number }} [options]
 * @returns {Promise<{ accessToken: string, expiresAt: string, user: { id: string } }>}
 */
export async function signIn(url, { email, password }, options) {
  const selection = 'session { accessToken expiresAt user { id } }'
  return (await mutate(url, 'login', 'LoginInput', { email, password }, selection, options)).session
}
