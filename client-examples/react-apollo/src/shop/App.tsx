import { useEffect, useRef, useState } from 'react'
import { Account } from '../shared/Account'
import { useSession } from '../shared/AppProvider'
import { Brand } from '../shared/Brand'
import { ConnectionBadge } from '../shared/ConnectionBadge'
import { replaceRoute, useRoute } from '../shared/route'
import { SignIn } from '../shared/SignIn'
import { SkipLink } from '../shared/SkipLink'
import { useCart } from './cart'
import { CartPanel } from './CartPanel'
import { Catalogue } from './Catalogue'
import { Orders } from './Orders'
import { useDebounced } from './useDebounced'
import { LiveStockProvider } from './useLiveStock'
import { useMyOrderUpdates } from './useMyOrderUpdates'

/** Typing on within this time does not search yet. In ms. */
const TYPING = 250

export function App() {
  const { path, parameters } = useRoute()
  const { state } = useSession()
  useMyOrderUpdates()

  const signedIn = state.status === 'signed-in'
  // Back to where one wanted to go.
  useEffect(() => {
    if (signedIn && path === 'sign-in') replaceRoute('#/cart')
  }, [signedIn, path])

  return (
    <LiveStockProvider>
      <SkipLink />
      <Header path={path} search={parameters.get('q') ?? ''} />
      <main id="main" tabIndex={-1}>
        {path === '' && (
          <div className="shop">
            <Catalogue search={parameters.get('q') ?? ''} />
            <aside aria-label="Your cart">
              <CartPanel />
            </aside>
          </div>
        )}
        {path === 'cart' && (
          <div className="narrow">
            <CartPanel headingLevel="h1" />
          </div>
        )}
        {path === 'orders' && (
          <div className="narrow narrow-wide">
            {state.status === 'anonymous' ? <SignIn title="Sign in to see your orders" register /> : <Orders />}
          </div>
        )}
        {path === 'sign-in' && <SignIn title="Sign in" register />}
      </main>
    </LiveStockProvider>
  )
}

function Header({ path, search }: { path: string; search: string }) {
  const { lines } = useCart()
  const { state } = useSession()
  const units = lines.reduce((units, { quantity }) => units + quantity, 0)
  const current = (name: string) => (path === name ? ({ 'aria-current': 'page' } as const) : {})
  return (
    <header className="top">
      <Brand name="Shop" />
      <SearchField search={search} />
      <nav className="top-nav" aria-label="Shop">
        <a href="#/orders" {...current('orders')}>
          My orders
        </a>
        <a href="#/cart" {...current('cart')}>
          Cart
          <span className="count" data-empty={units === 0}>
            {units}
          </span>
          <span className="visually-hidden">{units === 1 ? 'item' : 'items'}</span>
        </a>
      </nav>
      <div className="top-end">
        <ConnectionBadge />
        {state.status === 'anonymous' && (
          <a className="button button-quiet" href="#/sign-in">
            Sign in
          </a>
        )}
        <Account />
      </div>
    </header>
  )
}

/** Searches while one types. The search stands in the address, so that it can be shared and gone back to. */
function SearchField({ search }: { search: string }) {
  const [typed, setTyped] = useState(search)
  const settled = useDebounced(typed, TYPING)
  const asked = useRef(search)

  useEffect(() => {
    if (settled.trim() === asked.current) return
    asked.current = settled.trim()
    replaceRoute(asked.current ? `#/?${new URLSearchParams({ q: asked.current })}` : '#/')
  }, [settled])

  // A link or the history led to another search.
  useEffect(() => {
    if (search === asked.current) return
    asked.current = search
    setTyped(search)
  }, [search])

  return (
    <search className="search">
      <label className="visually-hidden" htmlFor="search">
        Search products
      </label>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d="M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9M10.5 10.5l3 3" />
      </svg>
      <input
        id="search"
        type="search"
        placeholder="Search products"
        autoComplete="off"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
    </search>
  )
}
