import * as eventSource from './event-source.mjs'
import * as legacyWs from './legacy-ws.mjs'
import * as multipart from './multipart.mjs'
import * as sse from './sse.mjs'
import * as transportWs from './transport-ws.mjs'

/** @type {Record<string, import('./opening.mjs').Transport>} */
export const transports = {
  'transport-ws': transportWs.open,
  'legacy-ws': legacyWs.open,
  sse: sse.open,
  'event-source': eventSource.open,
  multipart: multipart.open,
}
