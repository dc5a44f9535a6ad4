// Those who are sent the events of the log, and may get one again.
import { idBytes } from './log.mjs'
import { sentContent } from './received.mjs'

/** Somebody who is sent events, and records what they take. */
export class Recipient {
  /** What it has taken, repeats too, in the order of arrival. @type {import('./received.mjs').Taken[]} */
  taken = []
  /** What it is sent begins after this place in the log. */
  after = 0
  /** What nobody may send it. @type {string[]} */
  problems = []
  /** The event that it took last for the first time. */
  last = ''
  /** The ids of the events that it has. @type {Set<string>} */
  #ids = new Set()
  /** What it is to be sent, once the log is known. @type {import('./log.mjs').Entry[] | undefined} */
  #expected

  /**
   * @param {string} name
   * @param {string[]} entityKinds It is sent the events of these.
   * @param {import('./subscriber.mjs').World} world
   */
  constructor(name, entityKinds, world) {
    this.name = name
    this.entityKinds = entityKinds
    this.world = world
  }

  /** How many events it has. */
  get count() {
    return this.#ids.size
  }

  /** How often an event came that it had. */
  get repeats() {
    return this.taken.length - this.#ids.size
  }

  /** @param {string} id Of an event. */
  has(id) {
    return this.#ids.has(id)
  }

  /**
   * Whether it has all that it is to be sent.
   *
   * @param {import('./verify.mjs').OrderLog} log
   */
  hasCaughtUp(log) {
    this.#expected ??= log.expectedBy(this)
    // What is missing is at the end, most of the time.
    return this.#expected.findLast(({ eventId }) => !this.#ids.has(eventId)) === undefined
  }

  /**
   * Takes an event.
   *
   * @param {any} data What was sent of it.
   * @param {string} cursor
   * @returns {boolean} Whether it is new.
   */
  take({ id, kind, entityId, version, previousStatus, entity }, cursor) {
    const event = eventId(id)
    this.world.sabotage.record(this.taken, {
      seq: this.world.cursors.placeOf(cursor),
      at: Date.now(),
      eventId: event,
      kind,
      id: entityId,
      version,
      status: entity?.status,
      previousStatus,
      content: sentContent(kind, entity),
    })
    if (this.#ids.has(event)) return false
    this.#ids.add(event)
    this.last = event
    return true
  }
}

/** @param {string} id Of an event, as the server writes it. */
export function eventId(id) {
  return idBytes(id).toString('hex')
}
