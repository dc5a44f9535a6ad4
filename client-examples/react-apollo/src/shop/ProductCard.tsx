import { memo, useState } from 'react'
import type { ShopProductFragment } from '../gql/graphql'
import { formatMoney } from '../orderwire/money'
import { productName } from '../shared/text'
import { addToCart } from './cart'
import { Stock } from './Stock'
import { Swatch } from './Swatch'
import { useLiveStockInSight } from './useLiveStock'

export const ProductCard = memo(function ProductCard({
  product,
  inCart,
}: {
  product: ShopProductFragment
  inCart: number
}) {
  const sight = useLiveStockInSight(product.id)
  const [added, setAdded] = useState(0)
  const name = productName(product.name)
  const soldOut = product.stock === 0
  return (
    <li className="product" ref={sight}>
      <Swatch seed={product.sku} />
      <div className="product-body">
        <p className="product-sku">{product.sku}</p>
        <h3 className="product-name">{name}</h3>
        <p className="product-facts">
          <span className="price">{formatMoney(product.price)}</span>
          <Stock stock={product.stock} />
        </p>
        <button
          type="button"
          className="button button-add"
          disabled={soldOut}
          onClick={() => {
            addToCart(product)
            setAdded(added + 1)
          }}
        >
          {soldOut ? 'Sold out' : 'Add to cart'}
          <span className="visually-hidden">{name}</span>
          {inCart > 0 && (
            <span key={added} className="in-cart">
              {inCart}
              <span className="visually-hidden"> in it</span>
            </span>
          )}
        </button>
      </div>
    </li>
  )
})

export function ProductSkeleton() {
  return (
    <li className="product" aria-hidden="true">
      <div className="swatch skeleton" />
      <div className="product-body">
        <p className="product-sku">
          <span className="skeleton skeleton-text skeleton-short" />
        </p>
        <p className="product-name">
          <span className="skeleton skeleton-text" />
        </p>
        <p className="product-facts">
          <span className="skeleton skeleton-text" />
        </p>
        <span className="skeleton skeleton-button" />
      </div>
    </li>
  )
}
