import { parseArgs } from 'node:util'
import { transports } from '../transports/index.mjs'
import { sabotages } from './sabotage.mjs'

/** The transports that a run uses by default. */
const DEFAULT_TRANSPORTS = 'transport-ws,legacy-ws,sse,multipart,event-source'

/** The brokers that events can be relayed to. */
const BROKERS = ['rabbitmq', 'kafka']

export const usage = `usage: scripts/chaos [OPTION]…
  --minutes N       how long orders are placed; without it, about 30 seconds
  --orders N        go on with further rounds of faults until so many orders are placed, for four times as long at most
  --seed N          repeats the schedule of another run
  --subscribers N   how many clients watch (default 200)
  --receivers N     how many webhooks are sent (default 9, one for each way in which receivers fail)
  --brokers LIST    to which events are relayed: rabbitmq,kafka (the default), one of them, or none
  --rate N          orders placed in a second (default 10)
  --transports LIST shares of the transports: transport-ws=3,sse=1 (default ${DEFAULT_TRANSPORTS}),
                    of ${Object.keys(transports).join(', ')}
  --sabotage WHAT   corrupt what the clients received, to show that the checks notice it: ${sabotages.join(', ')}
Exit code 0 when nothing was lost, doubled, reordered or missing, else 1.`

/**
 * @typedef {object} Options
 * @property {number} seconds
 * @property {number} orders
 * @property {number} seed
 * @property {number} subscribers
 * @property {number} receivers
 * @property {string[]} brokers
 * @property {number} rate
 * @property {string[]} mix Names of transports, each as often as its share.
 * @property {string | undefined} sabotage
 */

/**
 * @param {string[]} args
 * @returns {Options | 'help'} Throws what is wrong with them.
 */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', short: 'h' },
      minutes: { type: 'string' },
      orders: { type: 'string' },
      seed: { type: 'string' },
      subscribers: { type: 'string' },
      receivers: { type: 'string' },
      brokers: { type: 'string' },
      rate: { type: 'string' },
      transports: { type: 'string' },
      sabotage: { type: 'string' },
    },
  })
  if (values.help) return 'help'
  if (values.sabotage !== undefined && !sabotages.includes(values.sabotage)) {
    throw new Error(`--sabotage: one of ${sabotages.join(', ')}`)
  }
  return {
    seconds: values.minutes === undefined ? 30 : 60 * number('minutes', values.minutes, 0.1, 600),
    orders: Math.floor(number('orders', values.orders ?? '0', 0, 1_000_000)),
    seed: Math.floor(number('seed', values.seed ?? String(Math.floor(Math.random() * 2 ** 32)), 0, 2 ** 32 - 1)),
    subscribers: Math.floor(number('subscribers', values.subscribers ?? '200', 10, 5_000)),
    receivers: Math.floor(number('receivers', values.receivers ?? '9', 0, 100)),
    brokers: readBrokers(values.brokers ?? BROKERS.join()),
    rate: number('rate', values.rate ?? '10', 0.1, 500),
    mix: readMix(values.transports ?? DEFAULT_TRANSPORTS),
    sabotage: values.sabotage,
  }
}

/**
 * @param {string} name
 * @param {string} text
 * @param {number} least
 * @param {number} most
 */
function number(name, text, least, most) {
  const value = Number(text)
  if (text.trim() === '' || !(value >= least && value <= most)) {
    throw new Error(`--${name}: a number from ${least} to ${most}`)
  }
  return value
}

/** @param {string} text `NAME,NAME`, or `none` */
function readBrokers(text) {
  const names = text === 'none' ? [] : text.split(',')
  if (!names.every((name) => BROKERS.includes(name))) throw new Error(`--brokers: some of ${BROKERS.join(', ')}, or none`)
  return names
}

/** @param {string} text `NAME=SHARE,NAME` */
function readMix(text) {
  return text.split(',').flatMap((part) => {
    const [name = '', share = '1'] = part.split('=')
    if (!(name in transports)) throw new Error(`--transports: one of ${Object.keys(transports).join(', ')}`)
    return new Array(number('transports', share, 1, 100)).fill(name)
  })
}
