import { open } from '../transports/legacy-ws.mjs'
import { behaviour } from './behaviour.mjs'

behaviour('subscriptions-transport-ws', open)
