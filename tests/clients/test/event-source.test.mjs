import { open } from '../transports/event-source.mjs'
import { behaviour } from './behaviour.mjs'

behaviour('EventSource', open, { reconnects: true })
