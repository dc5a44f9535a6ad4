import { useFragment } from '@apollo/client/react'
import { useEffect, useRef } from 'react'
import { formatMoney, sum, times } from '../orderwire/money'
import { useSession } from '../shared/AppProvider'
import { plural, productName } from '../shared/text'
import { setPrice, setQuantity, useCart, type CartLine } from './cart'
import { ShopProduct } from './operations'
import { useCheckout, type Outcome } from './useCheckout'
import { useLiveStock } from './useLiveStock'

export function CartPanel({ headingLevel: Heading = 'h2' }: { headingLevel?: 'h1' | 'h2' }) {
  const cart = useCart()
  const { state } = useSession()
  const { placeOrder, busy, outcome, forget } = useCheckout()
  const units = cart.lines.reduce((units, { quantity }) => units + quantity, 0)
  const total = sum(cart.lines.map(({ price, quantity }) => times(price, quantity)))

  return (
    <section className="cart panel" aria-labelledby="cart-title" aria-busy={busy}>
      <div className="cart-head">
        <Heading id="cart-title">Cart</Heading>
        {units > 0 && <p className="muted">{plural(units, 'item')}</p>}
      </div>

      {outcome?.kind === 'placed' && <Placed outcome={outcome} onDismiss={forget} />}

      {cart.lines.length === 0 && outcome?.kind !== 'placed' && (
        <p className="cart-empty muted">Nothing in it yet. What you add stays here, also when you come back tomorrow.</p>
      )}

      {cart.lines.length > 0 && (
        <>
          <ul className="cart-lines">
            {cart.lines.map((line) => (
              <Line
                key={line.productId}
                line={line}
                left={outcome?.kind === 'short' && outcome.productId === line.productId ? outcome.left : undefined}
                onChange={forget}
              />
            ))}
          </ul>
          <p className="cart-total">
            <span>Total</span>
            <span className="price">{total && formatMoney(total)}</span>
          </p>
          {outcome?.kind === 'refused' && (
            <p className="notice notice-bad" role="alert">
              {outcome.message}
            </p>
          )}
          {outcome?.kind === 'unknown' && (
            <p className="notice notice-warn" role="alert">
              {outcome.message} Your order may have arrived all the same: placing it again is safe, it will not be
              placed twice.
            </p>
          )}
          {state.status === 'signed-in' ? (
            <button type="button" className="button button-primary button-wide" onClick={placeOrder} aria-disabled={busy}>
              {busy ? 'Placing your order…' : outcome?.kind === 'unknown' ? 'Place order again' : 'Place order'}
            </button>
          ) : (
            <a className="button button-primary button-wide" href="#/sign-in">
              Sign in to order
            </a>
          )}
        </>
      )}
    </section>
  )
}

function Line({ line, left, onChange }: { line: CartLine; left: number | undefined; onChange: () => void }) {
  const { productId, quantity } = line
  useLiveStock(productId)
  // What the server says now, as soon as it has said it.
  const { data, complete } = useFragment({
    fragment: ShopProduct,
    from: { __typename: 'Product', id: productId },
  })
  const { stock, price, status } = complete ? data : {}
  useEffect(() => {
    if (price) setPrice(productId, price)
  }, [productId, price])
  const name = productName(line.name)
  const change = (quantity: number) => {
    setQuantity(productId, quantity)
    onChange()
  }
  return (
    <li className="cart-line" data-short={left !== undefined}>
      <div className="cart-line-name">
        {name}
        <span className="muted cart-line-price">{formatMoney(line.price)} each</span>
      </div>
      <span className="price">{formatMoney(times(line.price, quantity))}</span>
      <div className="quantity" role="group" aria-label={`Quantity of ${name}`}>
        <button
          type="button"
          className="icon-button"
          aria-label={quantity === 1 ? `Remove ${name}` : 'One less'}
          onClick={() => change(quantity - 1)}
        >
          <svg viewBox="0 0 16 16" aria-hidden="true">
            {quantity === 1 ? (
              <path d="M3 4.5h10M6.5 4V2.5h3V4M4.5 4.5l.5 9h6l.5-9M7 7v4M9 7v4" />
            ) : (
              <path d="M3.5 8h9" />
            )}
          </svg>
        </button>
        <output className="quantity-value">{quantity}</output>
        <button type="button" className="icon-button" aria-label="One more" onClick={() => change(quantity + 1)}>
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d="M3.5 8h9M8 3.5v9" />
          </svg>
        </button>
      </div>
      {left !== undefined ? (
        <Short name={name} wanted={quantity} left={left} onTake={() => change(left)} />
      ) : status === 'ARCHIVED' ? (
        <p className="cart-line-hint">No longer on sale</p>
      ) : (
        stock !== undefined &&
        stock < quantity && (
          <p className="cart-line-hint">{stock === 0 ? 'Sold out for now' : `Only ${stock} left`}</p>
        )
      )}
    </li>
  )
}

/** The bad news, kindly, and the way on. */
function Short({ name, wanted, left, onTake }: { name: string; wanted: number; left: number; onTake: () => void }) {
  const button = useRef<HTMLButtonElement>(null)
  useEffect(() => button.current?.focus(), [])
  return (
    <div className="notice notice-warn cart-line-short" role="alert">
      <p>
        {left === 0
          ? `Somebody was quicker: ${name} has just sold out.`
          : `Somebody was quicker: of the ${wanted} you asked for, ${left === 1 ? 'one is' : `${left} are`} left.`}{' '}
        Nothing has been ordered yet.
      </p>
      <button ref={button} type="button" className="button button-small" onClick={onTake}>
        {left === 0 ? 'Take it out of the cart' : left === 1 ? 'Take the last one' : `Take the ${left} that are left`}
      </button>
    </div>
  )
}

function Placed({ outcome, onDismiss }: { outcome: Outcome & { kind: 'placed' }; onDismiss: () => void }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  return (
    <div className="notice notice-good placed" role="status">
      <h3 ref={heading} tabIndex={-1}>
        Thank you!
      </h3>
      <p>
        Order {outcome.order.number} over {formatMoney(outcome.order.total)} is placed.
      </p>
      <p className="placed-actions">
        <a className="button button-small" href="#/orders">
          Follow it
        </a>
        <button type="button" className="link" onClick={onDismiss}>
          Dismiss
        </button>
      </p>
    </div>
  )
}
