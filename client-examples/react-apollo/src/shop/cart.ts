// The cart: kept in localStorage, so that it is there tomorrow and in every tab.
import { useSyncExternalStore } from 'react'
import type { ShopProductFragment } from '../gql/graphql'
import type { Amount } from '../orderwire/money'

export interface CartLine {
  productId: string
  /** As it was when it was put in: something to show before the server says how it is now. */
  name: string
  sku: string
  price: Amount
  quantity: number
}

/** An attempt to order: while its outcome is unknown, a retry must carry the same key. */
export interface Submission {
  key: string
  /** The ordered items and the buyer. */
  content: string
}

export interface Cart {
  lines: readonly CartLine[]
  submission?: Submission | undefined
}

export const MOST_LINES = 100

const KEY = 'orderwire.shop.cart'
const EMPTY: Cart = { lines: [] }

const listeners = new Set<() => void>()
let text: string | null = null
let cart: Cart = EMPTY

/** The cart as it is now, in whichever tab it was changed last. */
export function readCart(): Cart {
  const stored = localStorage.getItem(KEY)
  if (stored !== text) {
    text = stored
    cart = parse(stored)
  }
  return cart
}

export function useCart(): Cart {
  return useSyncExternalStore(subscribe, readCart)
}

export function addToCart({ id, name, sku, price }: ShopProductFragment) {
  const { lines } = readCart()
  if (lines.some(({ productId }) => productId === id)) {
    return writeLines(lines.map((line) => (line.productId === id ? { ...line, quantity: line.quantity + 1 } : line)))
  }
  const { amount, currencyCode } = price
  writeLines([...lines, { productId: id, name, sku, price: { amount, currencyCode }, quantity: 1 }].slice(0, MOST_LINES))
}

/** Changes how many of a product are in the cart; 0 takes it out. */
export function setQuantity(productId: string, quantity: number) {
  const { lines } = readCart()
  writeLines(
    quantity > 0
      ? lines.map((line) => (line.productId === productId ? { ...line, quantity } : line))
      : lines.filter((line) => line.productId !== productId),
  )
}

/** Updates the price of a product in the cart. */
export function setPrice(productId: string, { amount, currencyCode }: Amount) {
  const { lines } = readCart()
  const isOther = ({ price }: CartLine) => price.amount !== amount || price.currencyCode !== currencyCode
  if (!lines.some((line) => line.productId === productId && isOther(line))) return
  writeLines(lines.map((line) => (line.productId === productId ? { ...line, price: { amount, currencyCode } } : line)))
}

/**
 * The idempotency key for ordering what is in the cart: made when this content is first submitted and kept until it
 * succeeds, so that a double click, a second tab or trying again after a lost answer places one order.
 */
export function keyFor(cart: Cart, userId: string): string {
  const content = JSON.stringify([userId, ...cart.lines.map(({ productId, quantity }) => [productId, quantity])])
  if (cart.submission?.content === content) return cart.submission.key
  const submission = { key: crypto.randomUUID(), content }
  write({ ...cart, submission })
  return submission.key
}

/** Takes out what was ordered with this key, unless the cart has become another meanwhile. */
export function emptyCart(key: string) {
  if (readCart().submission?.key === key) write(EMPTY)
}

function writeLines(lines: readonly CartLine[]) {
  write({ ...readCart(), lines })
}

function write(next: Cart) {
  localStorage.setItem(KEY, JSON.stringify(next))
  for (const listener of listeners) listener()
}

function parse(stored: string | null): Cart {
  if (!stored) return EMPTY
  try {
    const parsed = JSON.parse(stored) as Partial<Cart>
    return Array.isArray(parsed.lines) ? { lines: parsed.lines, submission: parsed.submission } : EMPTY
  } catch {
    return EMPTY
  }
}

// The browser notifies other tabs.
function subscribe(listener: () => void) {
  listeners.add(listener)
  addEventListener('storage', listener)
  return () => {
    listeners.delete(listener)
    removeEventListener('storage', listener)
  }
}
