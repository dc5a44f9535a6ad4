import { open } from '../transports/transport-ws.mjs'
import { behaviour } from './behaviour.mjs'

behaviour('graphql-transport-ws', open)
