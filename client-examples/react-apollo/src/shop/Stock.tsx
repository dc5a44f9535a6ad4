import { formatCount } from '../shared/text'

/** Below this number the remaining units are shown. */
const FEW = 20

/** The stock of a product, in words. */
export function Stock({ stock }: { stock: number }) {
  const level = stock === 0 ? 'none' : stock <= FEW ? 'few' : 'plenty'
  return (
    <span className="stock" data-level={level}>
      <span className="stock-dot" aria-hidden="true" />
      {level === 'none' ? 'Sold out' : level === 'few' ? `Only ${stock} left` : `${formatCount(stock)} in stock`}
    </span>
  )
}
