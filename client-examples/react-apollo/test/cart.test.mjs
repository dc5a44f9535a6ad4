import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { load } from './load.mjs'

const stored = new Map()
globalThis.localStorage = { getItem: (key) => stored.get(key) ?? null, setItem: (key, value) => stored.set(key, value) }

const { addToCart, emptyCart, keyFor, readCart, setQuantity } = await load('shop/cart.ts')

const product = (id) => ({ id, sku: id, name: id, price: { amount: '1.00', currencyCode: 'GBP' }, stock: 1 })

beforeEach(() => stored.clear())

test('a product has one line, with a quantity', () => {
  for (const id of ['a', 'b', 'a']) addToCart(product(id))
  assert.deepEqual(readCart().lines.map(({ productId, quantity }) => [productId, quantity]), [['a', 2], ['b', 1]])
  setQuantity('a', 0)
  assert.deepEqual(readCart().lines.map(({ productId }) => productId), ['b'])
})

test('the same content keeps its key until it is ordered; other content and other people have another', () => {
  addToCart(product('a'))
  const first = keyFor(readCart(), 'ann')
  assert.equal(keyFor(readCart(), 'ann'), first)
  const bobs = keyFor(readCart(), 'bob')
  assert.notEqual(bobs, first)
  addToCart(product('a'))
  const more = keyFor(readCart(), 'bob')
  assert.notEqual(more, bobs)
  emptyCart(bobs)
  assert.equal(readCart().lines.length, 1)
  emptyCart(more)
  assert.deepEqual(readCart().lines, [])
  addToCart(product('a'))
  assert.notEqual(keyFor(readCart(), 'ann'), first)
})

test('what another tab stored is taken, and what makes no sense is not', () => {
  addToCart(product('a'))
  stored.set('orderwire.shop.cart', JSON.stringify({ lines: [] }))
  assert.deepEqual(readCart().lines, [])
  stored.set('orderwire.shop.cart', '{"lines":')
  assert.deepEqual(readCart().lines, [])
})
