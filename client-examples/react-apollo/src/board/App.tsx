import { Account } from '../shared/Account'
import { useSession } from '../shared/AppProvider'
import { Brand } from '../shared/Brand'
import { ConnectionBadge } from '../shared/ConnectionBadge'
import { SignIn } from '../shared/SignIn'
import { SkipLink } from '../shared/SkipLink'
import { ActivityList } from './ActivityList'
import { Columns } from './Columns'
import { OrdersPerMinute } from './OrdersPerMinute'
import { StockLevels } from './StockLevels'
import { useBoard } from './useBoard'
import { useMoves } from './useMoves'

export function App() {
  const { session, state } = useSession()
  const isStaff = state.status === 'signed-in' && state.user.role !== 'CUSTOMER'
  return (
    <>
      <SkipLink />
      <header className="top">
        <Brand name="Board" />
        <div className="top-end">
          {isStaff && <ConnectionBadge />}
          <Account />
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        {state.status === 'anonymous' && <SignIn title="Sign in to the staff board" />}
        {state.status === 'signed-in' && !isStaff && (
          <section className="panel sign-in">
            <h1>This board is for staff</h1>
            <p>You are signed in as {state.user.name}, a customer. Your own orders are in the shop.</p>
            <button type="button" className="button button-primary" onClick={() => void session.signOut()}>
              Sign in as somebody else
            </button>
          </section>
        )}
        {(isStaff || state.status === 'restoring') && <Board enabled={isStaff} />}
      </main>
    </>
  )
}

function Board({ enabled }: { enabled: boolean }) {
  const board = useBoard(enabled)
  const moves = useMoves()
  return (
    <div className="board">
      <h1 className="visually-hidden">Orders</h1>
      <div className="overview">
        <OrdersPerMinute placed={board.placed} known={board.columns !== undefined} />
        <StockLevels enabled={enabled} />
        <ActivityList activity={board.activity} />
      </div>
      {board.status.status === 'ended' && (
        <p className="notice notice-bad" role="alert">
          Live updates have ended. Reload the page to see the orders as they are now.
        </p>
      )}
      <Columns columns={board.columns} counts={board.counts} moves={moves} />
    </div>
  )
}
