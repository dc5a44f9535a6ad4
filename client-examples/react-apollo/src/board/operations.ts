import { graphql } from '../gql'

export const BoardOrder = graphql(`
  fragment BoardOrder on Order {
    id
    number
    region
    status
    allowedTransitions
    version
    placedAt
    updatedAt
    total {
      amount
      currencyCode
    }
    customer {
      id
      name
    }
    items {
      quantity
    }
  }
`)

export const BoardOrders = graphql(`
  query BoardOrders($first: Int!) {
    eventCursor
    PENDING: orders(first: $first, filter: { status: [PENDING] }) {
      nodes {
        ...BoardOrder
      }
    }
    CONFIRMED: orders(first: $first, filter: { status: [CONFIRMED] }) {
      nodes {
        ...BoardOrder
      }
    }
    SHIPPED: orders(first: $first, filter: { status: [SHIPPED] }) {
      nodes {
        ...BoardOrder
      }
    }
    DELIVERED: orders(first: $first, filter: { status: [DELIVERED] }) {
      nodes {
        ...BoardOrder
      }
    }
    CANCELLED: orders(first: $first, filter: { status: [CANCELLED] }) {
      nodes {
        ...BoardOrder
      }
    }
    RETURNED: orders(first: $first, filter: { status: [RETURNED] }) {
      nodes {
        ...BoardOrder
      }
    }
  }
`)

export const BoardCounts = graphql(`
  query BoardCounts {
    PENDING: orders(filter: { status: [PENDING] }) {
      totalCount
    }
    CONFIRMED: orders(filter: { status: [CONFIRMED] }) {
      totalCount
    }
    SHIPPED: orders(filter: { status: [SHIPPED] }) {
      totalCount
    }
    DELIVERED: orders(filter: { status: [DELIVERED] }) {
      totalCount
    }
    CANCELLED: orders(filter: { status: [CANCELLED] }) {
      totalCount
    }
    RETURNED: orders(filter: { status: [RETURNED] }) {
      totalCount
    }
  }
`)

export const OneOrder = graphql(`
  query OneOrder($id: ID!) {
    order(id: $id) {
      ...BoardOrder
    }
  }
`)

export const RecentOrders = graphql(`
  query RecentOrders($placedAfter: DateTime!, $after: String) {
    orders(first: 100, after: $after, filter: { placedAfter: $placedAfter }) {
      nodes {
        id
        placedAt
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

export const BoardUpdates = graphql(`
  subscription BoardUpdates($after: EventCursor) {
    orderUpdates(after: $after) {
      cursor
      kind
      previousStatus
      occurredAt
      order {
        ...BoardOrder
      }
    }
  }
`)

export const UpdateOrderStatus = graphql(`
  mutation UpdateOrderStatus($input: UpdateOrderStatusInput!) {
    updateOrderStatus(input: $input) {
      order {
        ...BoardOrder
      }
      userErrors {
        ...UserErrorParts
      }
    }
  }
`)

export const WatchedProduct = graphql(`
  fragment WatchedProduct on Product {
    id
    name
    stock
    version
  }
`)

export const TrendingProducts = graphql(`
  query TrendingProducts($first: Int!) {
    trendingProducts(first: $first) {
      ...WatchedProduct
    }
  }
`)

export const WatchedStock = graphql(`
  subscription WatchedStock($productIds: [ID!]!) {
    stockUpdates(productIds: $productIds) {
      ...WatchedProduct
    }
  }
`)
