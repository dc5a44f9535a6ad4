import { setTimeout as sleep } from 'node:timers/promises'

export { sleep }

/** How long anything is waited for unless a caller says otherwise, in milliseconds: long enough for a busy machine. */
const PATIENCE = 60_000

/** What is waited for will never come. */
export class Hopeless extends Error {}

/**
 * What `condition` gives once it is something: neither false, null nor undefined.
 *
 * @template T
 * @param {string} what What is waited for, for the message when it does not come.
 * @param {() => T | Promise<T>} condition May fail, which is the same as nothing, unless it is {@link Hopeless}.
 * @param {number} [within] Milliseconds.
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, condition, within = PATIENCE) {
  const deadline = performance.now() + within
  let problem
  for (;;) {
    try {
      const found = await condition()
      if (found !== false && found !== null && found !== undefined) return found
      problem = undefined
    } catch (error) {
      if (error instanceof Hopeless) throw error
      problem = error
    }
    if (performance.now() > deadline) {
      throw new Error(`${what}: not within ${within / 1000} s`, { cause: problem })
    }
    await sleep(20)
  }
}

/**
 * The promise's value, or an error when it takes longer.
 *
 * @template T
 * @param {string} what
 * @param {Promise<T>} promise
 * @param {number} [within] Milliseconds.
 * @returns {Promise<T>}
 */
export async function soon(what, promise, within = PATIENCE) {
  const timer = new AbortController()
  const late = sleep(within, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`${what}: not within ${within / 1000} s`)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    late.catch(() => {})
    timer.abort()
  }
}
