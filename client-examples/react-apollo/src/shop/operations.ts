import { graphql } from '../gql'

export const ShopProduct = graphql(`
  fragment ShopProduct on Product {
    id
    sku
    name
    price {
      amount
      currencyCode
    }
    stock
    status
    version
  }
`)

// By default a search is sorted by relevance, and the catalogue by name.
export const Products = graphql(`
  query Products($filter: ProductFilter, $first: Int!, $after: String) {
    products(filter: $filter, first: $first, after: $after) {
      totalCount
      edges {
        cursor
        node {
          ...ShopProduct
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

export const StockUpdates = graphql(`
  subscription StockUpdates($productIds: [ID!]!) {
    stockUpdates(productIds: $productIds) {
      ...ShopProduct
    }
  }
`)

export const ProductStock = graphql(`
  query ProductStock($id: ID!) {
    product(id: $id) {
      ...ShopProduct
    }
  }
`)

export const MyOrder = graphql(`
  fragment MyOrder on Order {
    id
    number
    status
    version
    placedAt
    total {
      amount
      currencyCode
    }
    items {
      sku
      name
      quantity
      lineTotal {
        amount
        currencyCode
      }
    }
    history {
      cursor
      to
      reason
      occurredAt
    }
  }
`)

export const MyOrders = graphql(`
  query MyOrders($first: Int!, $after: String) {
    eventCursor
    orders(first: $first, after: $after) {
      totalCount
      edges {
        cursor
        node {
          ...MyOrder
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

export const MyOrderUpdates = graphql(`
  subscription MyOrderUpdates($after: EventCursor) {
    orderUpdates(after: $after) {
      cursor
      kind
      previousStatus
      order {
        ...MyOrder
      }
    }
  }
`)

export const PlaceOrder = graphql(`
  mutation PlaceOrder($input: PlaceOrderInput!) {
    placeOrder(input: $input) {
      order {
        ...MyOrder
      }
      replayed
      userErrors {
        ...UserErrorParts
      }
    }
  }
`)
