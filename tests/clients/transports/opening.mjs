/**
 * A subscription to open.
 *
 * @typedef {object} Opening
 * @property {string} url `http://HOST:PORT/graphql`
 * @property {string} [token] Access token.
 * @property {string} query
 * @property {Record<string, any>} [variables]
 * @property {(data: any, cursor?: string) => void} next Takes each update, and its cursor when the transport names it.
 * @property {(cursor: string) => void} [told] Takes each cursor that is sent without an update.
 * @property {(end: End) => void} end Is told once how it ended, unless it was stopped.
 */

/**
 * How a subscription ended: the server said that it is over, refused it, or was lost.
 *
 * @typedef {object} End
 * @property {'completed' | 'refused' | 'lost'} how
 * @property {import('../lib/api.mjs').GraphqlError[]} [errors]
 * @property {number} [code] Close code, or status of HTTP.
 * @property {string} [reason]
 */

/**
 * Opens a subscription with a transport's official client, which does not reconnect by itself unless its transport
 * says how. Gives the function that stops it.
 *
 * @typedef {(opening: Opening) => () => void} Transport
 */

/**
 * The callbacks of an opening, silent after its end, and the one way in which results with errors alone are told.
 *
 * @param {Opening} opening
 */
export function guard(opening) {
  let over = false
  /** @param {End} how */
  const end = (how) => {
    if (over) return
    over = true
    opening.end(how)
  }
  return {
    /**
     * Takes a result.
     *
     * @param {{ data?: any, errors?: readonly any[] | undefined }} result
     * @param {string} [cursor]
     */
    next({ data, errors }, cursor) {
      if (over) return
      if (errors) end({ how: 'refused', errors: [...errors] })
      else opening.next(data, cursor)
    },
    end,
    /**
     * Takes a cursor that is sent without an update.
     *
     * @param {string} cursor
     */
    told(cursor) {
      if (!over) opening.told?.(cursor)
    },
    /**
     * Tells of an end that is no GraphQL error.
     *
     * @param {unknown} error Of whatever kind the client has.
     */
    lost(error) {
      const { code, status, reason, message } = /** @type {any} */ (error ?? {})
      const number = typeof code === 'number' ? code : status
      end({ how: 'lost', code: number, reason: reason || message || undefined })
    },
    silence() {
      over = true
    },
  }
}

/** @param {string} url */
export function socketUrl(url) {
  return url.replace(/^http/, 'ws')
}
