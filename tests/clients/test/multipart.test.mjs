import { open } from '../transports/multipart.mjs'
import { behaviour } from './behaviour.mjs'

behaviour('multipart', open, { parses: true })
