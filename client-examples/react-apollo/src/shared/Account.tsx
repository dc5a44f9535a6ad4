import { useSession } from './AppProvider'

/** Who is signed in, and the way out. */
export function Account() {
  const { session, state } = useSession()
  if (state.status !== 'signed-in') return null
  return (
    <div className="account">
      <span className="account-name">{state.user.name}</span>
      <button type="button" className="button button-quiet" onClick={() => void session.signOut()}>
        Sign out
      </button>
    </div>
  )
}
