// The cursors of a deployment, whose numbers are hidden by a key that its database has.

import { createHash } from 'node:crypto'

const ROUNDS = [0, 1, 2, 3]

export class Cursors {
  #prefix
  #key = Buffer.alloc(8)

  /**
   * @param {number} log The id of the log.
   * @param {bigint} key
   */
  constructor(log, key) {
    this.#prefix = `c${log.toString(16).padStart(8, '0')}`
    this.#key.writeBigInt64BE(key)
  }

  /** @param {import('mongodb').Db} database */
  static async of(database) {
    const counters = database.collection('counters')
    const log = await counters.findOne(/** @type {any} */ ({ _id: 'log' }), { promoteLongs: false })
    return new Cursors(Number(log?.id.toString()), BigInt(log?.cursor_key.toString()))
  }

  /**
   * The cursor of a place in the log, as the server writes it.
   *
   * @param {number} seq
   */
  at(seq) {
    const number = BigInt(seq)
    let [left, right] = [Number(number >> 32n), Number(number & 0xffffffffn)]
    for (const round of ROUNDS) [left, right] = [right, (left ^ this.#mix(round, right)) >>> 0]
    return `${this.#prefix}${hex(left)}${hex(right)}`
  }

  /**
   * The place in the log that a cursor stands for.
   *
   * @param {string} cursor
   */
  placeOf(cursor) {
    let [left, right] = [Number.parseInt(cursor.slice(9, 17), 16), Number.parseInt(cursor.slice(17), 16)]
    for (const round of ROUNDS.toReversed()) [left, right] = [(right ^ this.#mix(round, left)) >>> 0, left]
    return left * 2 ** 32 + right
  }

  /**
   * @param {number} round
   * @param {number} half
   */
  #mix(round, half) {
    const input = Buffer.alloc(5)
    input.writeUInt8(round)
    input.writeUInt32BE(half, 1)
    return createHash('sha256').update(this.#key).update(input).digest().readUInt32BE()
  }
}

/** @param {number} half */
function hex(half) {
  return half.toString(16).padStart(8, '0')
}
