import { ApolloProvider } from '@apollo/client/react'
import { createContext, use, useEffect, useSyncExternalStore, type ReactNode } from 'react'
import { createApolloClient } from '../orderwire/apollo'
import type { ConnectionState, LiveSocket } from '../orderwire/liveSocket'
import { Session, type SessionState } from '../orderwire/session'
import { credentialsInAddress } from './demoLink'
import { ToastProvider } from './toasts'

interface App {
  session: Session
  socket: LiveSocket
}

const AppContext = createContext<App | undefined>(undefined)

function useApp(): App {
  const app = use(AppContext)
  if (!app) throw new Error('there is no AppProvider around')
  return app
}

/** Makes what an app lives on. Called once for a page, outside of React, which renders more than once. */
export function createApp(name: string) {
  const session = new Session(name)
  const { client, socket } = createApolloClient(session)
  // One user's data is not the next one's.
  let userId = idOf(session.state)
  session.subscribe(() => {
    const before = userId
    userId = idOf(session.state)
    if (before && before !== userId) void client.resetStore().catch(() => {})
  })
  return { client, session, socket }
}

function idOf(state: SessionState) {
  return state.status === 'signed-in' ? state.user.id : undefined
}

export function AppProvider({ app, children }: { app: ReturnType<typeof createApp>; children: ReactNode }) {
  const { client, session, socket } = app
  useEffect(() => {
    const signIn = () => {
      const credentials = credentialsInAddress()
      if (credentials) void session.signIn(credentials).catch(() => {})
    }
    signIn()
    addEventListener('hashchange', signIn)
    return () => removeEventListener('hashchange', signIn)
  }, [session])
  return (
    <ApolloProvider client={client}>
      <AppContext value={{ session, socket }}>
        <ToastProvider>{children}</ToastProvider>
      </AppContext>
    </ApolloProvider>
  )
}

export function useSession(): { session: Session; state: SessionState } {
  const { session } = useApp()
  return { session, state: useSyncExternalStore(session.subscribe, () => session.state) }
}

export function useConnection(): ConnectionState {
  const { socket } = useApp()
  return useSyncExternalStore(socket.subscribe, socket.state)
}
