// What mutations that succeed change, and what their answers say of the changed product.

/**
 * @typedef {Awaited<ReturnType<import('./world.mjs').World['counts']>>} Counts
 */

/**
 * What each mutation changes. @type {Record<string, (counts: Counts, input: any) => void>}
 */
const EFFECTS = {
  adjustStock(counts, { productId, delta }) {
    counts.nodes[productId].stock += delta
    counts.nodes[productId].version += 1
  },
  updateProduct(counts, { id }) {
    counts.nodes[id].version += 1
  },
  createProduct(counts) {
    counts.products += 1
  },
  createTask(counts) {
    counts.tasks += 1
  },
  updateTask(counts, { id }) {
    counts.nodes[id].version += 1
  },
  placeOrder(counts, { items }) {
    counts.orders += 1
    for (const { productId, quantity } of items) counts.nodes[productId].stock -= quantity
    for (const id of new Set(items.map((/** @type {any} */ { productId }) => productId))) counts.nodes[id].version += 1
  },
}

/**
 * The counts after these mutations, one after the other, each executed once.
 *
 * @param {Counts} before
 * @param {import('./reference.mjs').RootCall[]} calls
 * @param {import('./reference.mjs').Fact[]} facts
 * @returns {{ expected: Counts, problem?: string }}
 */
export function effect(before, calls, facts) {
  const counts = structuredClone(before)
  for (const { key, field, args } of calls) {
    const apply = EFFECTS[field]
    if (!apply) continue
    apply(counts, args.input)
    const product = counts.nodes[args.input.productId ?? args.input.id]
    if (product?.stock === undefined) continue
    for (const { place, field: name, value, root } of facts) {
      if (root !== key || !place.startsWith(`.${field}(`) || !place.endsWith('.product({})')) continue
      for (const property of /** @type {const} */ (['stock', 'version'])) {
        if (name === `${property}({})` && value !== String(product[property])) {
          return { expected: counts, problem: `${key}: ${property} is ${value} instead of ${product[property]}` }
        }
      }
    }
  }
  return { expected: counts }
}
