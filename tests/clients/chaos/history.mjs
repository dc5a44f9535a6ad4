// What explains a delivery that is missing: what the client got before and after it, and over which connections.
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'

/**
 * Tells of an entry that a stream has not got.
 *
 * @param {import('./verify.mjs').Stream} stream
 * @param {import('./log.mjs').Entry} entry
 * @param {import('./verify.mjs').OrderLog} log
 */
export function explain({ after, snapshot, deliveries, connections }, entry, log) {
  const { seq, kind, version, occurredAt, entity } = entry
  const [before, next] = [deliveries.findLast((one) => one.seq < seq), deliveries.find((one) => one.seq > seq)]
  const from = connections.findLastIndex(({ at }) => before && at <= before.at)
  const around = connections.filter(({ at }, i) => i >= from && at <= (next?.at ?? Infinity))
  return [
    `entry ${seq}, ${entity.id} version ${version}, ${kind} to ${entity.status}, of ${entity.customer}`,
    `it occurred at ${time(occurredAt)} by a node's clock and was asked for at ${time(log.askedAt(entry))}`,
    `the stream began ${after === undefined ? (snapshot ? `with a snapshot at ${snapshot.seq}` : 'with what came next') : `after ${after}`}`,
    `before it came ${came(before)}, after it ${came(next)}`,
    ...around.map(({ at, url, after, end }) => `connected at ${time(at)} to ${url} after ${after ?? 'nothing'}, ended ${end ?? 'by the client'}`),
  ].join('; ')
}

/** @param {import('./verify.mjs').Delivery | undefined} delivery */
function came(delivery) {
  return delivery ? `entry ${delivery.seq} at ${time(delivery.at)}` : 'nothing'
}

/**
 * The time of day.
 *
 * @param {number} at Milliseconds since 1970.
 */
export function time(at) {
  return Number.isFinite(at) ? new Date(at).toISOString().slice(11, -1) : 'an unknown time'
}

/**
 * Writes down the log, and all that everybody got: a line of JSON for each entry, stream and recipient.
 *
 * @param {string} folder
 * @param {import('./verify.mjs').OrderLog} log
 * @param {import('./verify.mjs').Stream[]} streams
 * @param {import('./received.mjs').Received[]} received
 */
export async function writeHistory(folder, log, streams, received) {
  const entries = log.all.map((entry) => ({ ...entry, askedAt: log.asked.get(`${entry.entity.id} version ${entry.version}`) }))
  const recipients = received.map(({ name, entityKinds, after, taken }) => ({ name, entityKinds, after, taken }))
  for (const [name, lines] of Object.entries({ log: entries, streams, recipients })) {
    const file = createWriteStream(join(folder, `${name}.jsonl`))
    for (const line of lines) file.write(`${JSON.stringify(line)}\n`)
    file.end()
    await finished(file)
  }
}
