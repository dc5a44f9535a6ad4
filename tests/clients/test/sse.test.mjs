import { open } from '../transports/sse.mjs'
import { behaviour } from './behaviour.mjs'

behaviour('graphql-sse', open)
