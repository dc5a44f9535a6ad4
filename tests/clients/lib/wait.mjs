import { setTimeout as sleep } from 'node:timers/promises'

export { sleep }

/** How long anything is waited for unless a caller says otherwise, in milliseconds: long enough for a busy machine. */
const PATIENCE = 60_000

/** Thrown by a condition that can no longer become true. */
export class Hopeless extends Error {}

/**
 * Calls `condition` until its result is neither false, null nor undefined, and returns that result.
 *
 * @template T
 * @param {string} what What is waited for, for the error message.
 * @param {() => T | Promise<T>} condition Called again when it throws anything but {@link Hopeless}.
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
 * Returns the promise's value, or throws when it takes longer.
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
