import type { ConnectionState } from '../orderwire/liveSocket'
import { useConnection } from './AppProvider'

const TEXTS: Record<ConnectionState, string> = {
  idle: 'Not connected',
  connecting: 'Connecting…',
  live: 'Live',
  lost: 'Reconnecting…',
}

/** How the live connection is, in a word. */
export function ConnectionBadge() {
  const state = useConnection()
  return (
    <span className="connection" data-state={state} role="status" aria-label={`Live updates: ${TEXTS[state]}`}>
      <span className="connection-dot" aria-hidden="true" />
      {TEXTS[state]}
    </span>
  )
}
