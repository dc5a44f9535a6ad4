/* eslint-disable */
import * as types from './graphql';
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';

/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "\n  fragment BoardOrder on Order {\n    id\n    number\n    region\n    status\n    allowedTransitions\n    version\n    placedAt\n    updatedAt\n    total {\n      amount\n      currencyCode\n    }\n    customer {\n      id\n      name\n    }\n    items {\n      quantity\n    }\n  }\n": typeof types.BoardOrderFragmentDoc,
    "\n  query BoardOrders($first: Int!) {\n    eventCursor\n    PENDING: orders(first: $first, filter: { status: [PENDING] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    CONFIRMED: orders(first: $first, filter: { status: [CONFIRMED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    SHIPPED: orders(first: $first, filter: { status: [SHIPPED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    DELIVERED: orders(first: $first, filter: { status: [DELIVERED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    CANCELLED: orders(first: $first, filter: { status: [CANCELLED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    RETURNED: orders(first: $first, filter: { status: [RETURNED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n  }\n": typeof types.BoardOrdersDocument,
    "\n  query BoardCounts {\n    PENDING: orders(filter: { status: [PENDING] }) {\n      totalCount\n    }\n    CONFIRMED: orders(filter: { status: [CONFIRMED] }) {\n      totalCount\n    }\n    SHIPPED: orders(filter: { status: [SHIPPED] }) {\n      totalCount\n    }\n    DELIVERED: orders(filter: { status: [DELIVERED] }) {\n      totalCount\n    }\n    CANCELLED: orders(filter: { status: [CANCELLED] }) {\n      totalCount\n    }\n    RETURNED: orders(filter: { status: [RETURNED] }) {\n      totalCount\n    }\n  }\n": typeof types.BoardCountsDocument,
    "\n  query OneOrder($id: ID!) {\n    order(id: $id) {\n      ...BoardOrder\n    }\n  }\n": typeof types.OneOrderDocument,
    "\n  query RecentOrders($placedAfter: DateTime!, $after: String) {\n    orders(first: 100, after: $after, filter: { placedAfter: $placedAfter }) {\n      nodes {\n        id\n        placedAt\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": typeof types.RecentOrdersDocument,
    "\n  subscription BoardUpdates($after: EventCursor) {\n    orderUpdates(after: $after) {\n      cursor\n      kind\n      previousStatus\n      occurredAt\n      order {\n        ...BoardOrder\n      }\n    }\n  }\n": typeof types.BoardUpdatesDocument,
    "\n  mutation UpdateOrderStatus($input: UpdateOrderStatusInput!) {\n    updateOrderStatus(input: $input) {\n      order {\n        ...BoardOrder\n      }\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n": typeof types.UpdateOrderStatusDocument,
    "\n  fragment WatchedProduct on Product {\n    id\n    name\n    stock\n    version\n  }\n": typeof types.WatchedProductFragmentDoc,
    "\n  query TrendingProducts($first: Int!) {\n    trendingProducts(first: $first) {\n      ...WatchedProduct\n    }\n  }\n": typeof types.TrendingProductsDocument,
    "\n  subscription WatchedStock($productIds: [ID!]!) {\n    stockUpdates(productIds: $productIds) {\n      ...WatchedProduct\n    }\n  }\n": typeof types.WatchedStockDocument,
    "\n  fragment SessionParts on Session {\n    accessToken\n    refreshToken\n    expiresAt\n    user {\n      id\n      name\n      role\n    }\n  }\n": typeof types.SessionPartsFragmentDoc,
    "\n  fragment UserErrorParts on UserError {\n    code\n    message\n    field\n  }\n": typeof types.UserErrorPartsFragmentDoc,
    "\n  mutation Login($input: LoginInput!) {\n    login(input: $input) {\n      session {\n        ...SessionParts\n      }\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n": typeof types.LoginDocument,
    "\n  mutation Register($input: RegisterInput!) {\n    register(input: $input) {\n      session {\n        ...SessionParts\n      }\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n": typeof types.RegisterDocument,
    "\n  mutation RefreshSession($input: RefreshSessionInput!) {\n    refreshSession(input: $input) {\n      session {\n        ...SessionParts\n      }\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n": typeof types.RefreshSessionDocument,
    "\n  mutation Logout {\n    logout {\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n": typeof types.LogoutDocument,
    "\n  fragment ShopProduct on Product {\n    id\n    sku\n    name\n    price {\n      amount\n      currencyCode\n    }\n    stock\n    status\n    version\n  }\n": typeof types.ShopProductFragmentDoc,
    "\n  query Products($filter: ProductFilter, $first: Int!, $after: String) {\n    products(filter: $filter, first: $first, after: $after) {\n      totalCount\n      edges {\n        cursor\n        node {\n          ...ShopProduct\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": typeof types.ProductsDocument,
    "\n  subscription StockUpdates($productIds: [ID!]!) {\n    stockUpdates(productIds: $productIds) {\n      ...ShopProduct\n    }\n  }\n": typeof types.StockUpdatesDocument,
    "\n  query ProductStock($id: ID!) {\n    product(id: $id) {\n      ...ShopProduct\n    }\n  }\n": typeof types.ProductStockDocument,
    "\n  fragment MyOrder on Order {\n    id\n    number\n    status\n    version\n    placedAt\n    total {\n      amount\n      currencyCode\n    }\n    items {\n      sku\n      name\n      quantity\n      lineTotal {\n        amount\n        currencyCode\n      }\n    }\n    history {\n      cursor\n      to\n      reason\n      occurredAt\n    }\n  }\n": typeof types.MyOrderFragmentDoc,
    "\n  query MyOrders($first: Int!, $after: String) {\n    eventCursor\n    orders(first: $first, after: $after) {\n      totalCount\n      edges {\n        cursor\n        node {\n          ...MyOrder\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": typeof types.MyOrdersDocument,
    "\n  subscription MyOrderUpdates($after: EventCursor) {\n    orderUpdates(after: $after) {\n      cursor\n      kind\n      previousStatus\n      order {\n        ...MyOrder\n      }\n    }\n  }\n": typeof types.MyOrderUpdatesDocument,
    "\n  mutation PlaceOrder($input: PlaceOrderInput!) {\n    placeOrder(input: $input) {\n      order {\n        ...MyOrder\n      }\n      replayed\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n": typeof types.PlaceOrderDocument,
};
const documents: Documents = {
    "\n  fragment BoardOrder on Order {\n    id\n    number\n    region\n    status\n    allowedTransitions\n    version\n    placedAt\n    updatedAt\n    total {\n      amount\n      currencyCode\n    }\n    customer {\n      id\n      name\n    }\n    items {\n      quantity\n    }\n  }\n": types.BoardOrderFragmentDoc,
    "\n  query BoardOrders($first: Int!) {\n    eventCursor\n    PENDING: orders(first: $first, filter: { status: [PENDING] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    CONFIRMED: orders(first: $first, filter: { status: [CONFIRMED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    SHIPPED: orders(first: $first, filter: { status: [SHIPPED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    DELIVERED: orders(first: $first, filter: { status: [DELIVERED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    CANCELLED: orders(first: $first, filter: { status: [CANCELLED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    RETURNED: orders(first: $first, filter: { status: [RETURNED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n  }\n": types.BoardOrdersDocument,
    "\n  query BoardCounts {\n    PENDING: orders(filter: { status: [PENDING] }) {\n      totalCount\n    }\n    CONFIRMED: orders(filter: { status: [CONFIRMED] }) {\n      totalCount\n    }\n    SHIPPED: orders(filter: { status: [SHIPPED] }) {\n      totalCount\n    }\n    DELIVERED: orders(filter: { status: [DELIVERED] }) {\n      totalCount\n    }\n    CANCELLED: orders(filter: { status: [CANCELLED] }) {\n      totalCount\n    }\n    RETURNED: orders(filter: { status: [RETURNED] }) {\n      totalCount\n    }\n  }\n": types.BoardCountsDocument,
    "\n  query OneOrder($id: ID!) {\n    order(id: $id) {\n      ...BoardOrder\n    }\n  }\n": types.OneOrderDocument,
    "\n  query RecentOrders($placedAfter: DateTime!, $after: String) {\n    orders(first: 100, after: $after, filter: { placedAfter: $placedAfter }) {\n      nodes {\n        id\n        placedAt\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": types.RecentOrdersDocument,
    "\n  subscription BoardUpdates($after: EventCursor) {\n    orderUpdates(after: $after) {\n      cursor\n      kind\n      previousStatus\n      occurredAt\n      order {\n        ...BoardOrder\n      }\n    }\n  }\n": types.BoardUpdatesDocument,
    "\n  mutation UpdateOrderStatus($input: UpdateOrderStatusInput!) {\n    updateOrderStatus(input: $input) {\n      order {\n        ...BoardOrder\n      }\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n": types.UpdateOrderStatusDocument,
    "\n  fragment WatchedProduct on Product {\n    id\n    name\n    stock\n    version\n  }\n": types.WatchedProductFragmentDoc,
    "\n  query TrendingProducts($first: Int!) {\n    trendingProducts(first: $first) {\n      ...WatchedProduct\n    }\n  }\n": types.TrendingProductsDocument,
    "\n  subscription WatchedStock($productIds: [ID!]!) {\n    stockUpdates(productIds: $productIds) {\n      ...WatchedProduct\n    }\n  }\n": types.WatchedStockDocument,
    "\n  fragment SessionParts on Session {\n    accessToken\n    refreshToken\n    expiresAt\n    user {\n      id\n      name\n      role\n    }\n  }\n": types.SessionPartsFragmentDoc,
    "\n  fragment UserErrorParts on UserError {\n    code\n    message\n    field\n  }\n": types.UserErrorPartsFragmentDoc,
    "\n  mutation Login($input: LoginInput!) {\n    login(input: $input) {\n      session {\n        ...SessionParts\n      }\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n": types.LoginDocument,
    "\n  mutation Register($input: RegisterInput!) {\n    register(input: $input) {\n      session {\n        ...SessionParts\n      }\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n": types.RegisterDocument,
    "\n  mutation RefreshSession($input: RefreshSessionInput!) {\n    refreshSession(input: $input) {\n      session {\n        ...SessionParts\n      }\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n": types.RefreshSessionDocument,
    "\n  mutation Logout {\n    logout {\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n": types.LogoutDocument,
    "\n  fragment ShopProduct on Product {\n    id\n    sku\n    name\n    price {\n      amount\n      currencyCode\n    }\n    stock\n    status\n    version\n  }\n": types.ShopProductFragmentDoc,
    "\n  query Products($filter: ProductFilter, $first: Int!, $after: String) {\n    products(filter: $filter, first: $first, after: $after) {\n      totalCount\n      edges {\n        cursor\n        node {\n          ...ShopProduct\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": types.ProductsDocument,
    "\n  subscription StockUpdates($productIds: [ID!]!) {\n    stockUpdates(productIds: $productIds) {\n      ...ShopProduct\n    }\n  }\n": types.StockUpdatesDocument,
    "\n  query ProductStock($id: ID!) {\n    product(id: $id) {\n      ...ShopProduct\n    }\n  }\n": types.ProductStockDocument,
    "\n  fragment MyOrder on Order {\n    id\n    number\n    status\n    version\n    placedAt\n    total {\n      amount\n      currencyCode\n    }\n    items {\n      sku\n      name\n      quantity\n      lineTotal {\n        amount\n        currencyCode\n      }\n    }\n    history {\n      cursor\n      to\n      reason\n      occurredAt\n    }\n  }\n": types.MyOrderFragmentDoc,
    "\n  query MyOrders($first: Int!, $after: String) {\n    eventCursor\n    orders(first: $first, after: $after) {\n      totalCount\n      edges {\n        cursor\n        node {\n          ...MyOrder\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": types.MyOrdersDocument,
    "\n  subscription MyOrderUpdates($after: EventCursor) {\n    orderUpdates(after: $after) {\n      cursor\n      kind\n      previousStatus\n      order {\n        ...MyOrder\n      }\n    }\n  }\n": types.MyOrderUpdatesDocument,
    "\n  mutation PlaceOrder($input: PlaceOrderInput!) {\n    placeOrder(input: $input) {\n      order {\n        ...MyOrder\n      }\n      replayed\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n": types.PlaceOrderDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 *
 *
 * @example
 * ```ts
 * const query = graphql(`query GetUser($id: ID!) { user(id: $id) { name } }`);
 * ```
 *
 * The query argument is unknown!
 * Please regenerate the types.
 */
export function graphql(source: string): unknown;

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment BoardOrder on Order {\n    id\n    number\n    region\n    status\n    allowedTransitions\n    version\n    placedAt\n    updatedAt\n    total {\n      amount\n      currencyCode\n    }\n    customer {\n      id\n      name\n    }\n    items {\n      quantity\n    }\n  }\n"): (typeof documents)["\n  fragment BoardOrder on Order {\n    id\n    number\n    region\n    status\n    allowedTransitions\n    version\n    placedAt\n    updatedAt\n    total {\n      amount\n      currencyCode\n    }\n    customer {\n      id\n      name\n    }\n    items {\n      quantity\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query BoardOrders($first: Int!) {\n    eventCursor\n    PENDING: orders(first: $first, filter: { status: [PENDING] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    CONFIRMED: orders(first: $first, filter: { status: [CONFIRMED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    SHIPPED: orders(first: $first, filter: { status: [SHIPPED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    DELIVERED: orders(first: $first, filter: { status: [DELIVERED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    CANCELLED: orders(first: $first, filter: { status: [CANCELLED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    RETURNED: orders(first: $first, filter: { status: [RETURNED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n  }\n"): (typeof documents)["\n  query BoardOrders($first: Int!) {\n    eventCursor\n    PENDING: orders(first: $first, filter: { status: [PENDING] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    CONFIRMED: orders(first: $first, filter: { status: [CONFIRMED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    SHIPPED: orders(first: $first, filter: { status: [SHIPPED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    DELIVERED: orders(first: $first, filter: { status: [DELIVERED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    CANCELLED: orders(first: $first, filter: { status: [CANCELLED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n    RETURNED: orders(first: $first, filter: { status: [RETURNED] }) {\n      nodes {\n        ...BoardOrder\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query BoardCounts {\n    PENDING: orders(filter: { status: [PENDING] }) {\n      totalCount\n    }\n    CONFIRMED: orders(filter: { status: [CONFIRMED] }) {\n      totalCount\n    }\n    SHIPPED: orders(filter: { status: [SHIPPED] }) {\n      totalCount\n    }\n    DELIVERED: orders(filter: { status: [DELIVERED] }) {\n      totalCount\n    }\n    CANCELLED: orders(filter: { status: [CANCELLED] }) {\n      totalCount\n    }\n    RETURNED: orders(filter: { status: [RETURNED] }) {\n      totalCount\n    }\n  }\n"): (typeof documents)["\n  query BoardCounts {\n    PENDING: orders(filter: { status: [PENDING] }) {\n      totalCount\n    }\n    CONFIRMED: orders(filter: { status: [CONFIRMED] }) {\n      totalCount\n    }\n    SHIPPED: orders(filter: { status: [SHIPPED] }) {\n      totalCount\n    }\n    DELIVERED: orders(filter: { status: [DELIVERED] }) {\n      totalCount\n    }\n    CANCELLED: orders(filter: { status: [CANCELLED] }) {\n      totalCount\n    }\n    RETURNED: orders(filter: { status: [RETURNED] }) {\n      totalCount\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query OneOrder($id: ID!) {\n    order(id: $id) {\n      ...BoardOrder\n    }\n  }\n"): (typeof documents)["\n  query OneOrder($id: ID!) {\n    order(id: $id) {\n      ...BoardOrder\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query RecentOrders($placedAfter: DateTime!, $after: String) {\n    orders(first: 100, after: $after, filter: { placedAfter: $placedAfter }) {\n      nodes {\n        id\n        placedAt\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"): (typeof documents)["\n  query RecentOrders($placedAfter: DateTime!, $after: String) {\n    orders(first: 100, after: $after, filter: { placedAfter: $placedAfter }) {\n      nodes {\n        id\n        placedAt\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription BoardUpdates($after: EventCursor) {\n    orderUpdates(after: $after) {\n      cursor\n      kind\n      previousStatus\n      occurredAt\n      order {\n        ...BoardOrder\n      }\n    }\n  }\n"): (typeof documents)["\n  subscription BoardUpdates($after: EventCursor) {\n    orderUpdates(after: $after) {\n      cursor\n      kind\n      previousStatus\n      occurredAt\n      order {\n        ...BoardOrder\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation UpdateOrderStatus($input: UpdateOrderStatusInput!) {\n    updateOrderStatus(input: $input) {\n      order {\n        ...BoardOrder\n      }\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation UpdateOrderStatus($input: UpdateOrderStatusInput!) {\n    updateOrderStatus(input: $input) {\n      order {\n        ...BoardOrder\n      }\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment WatchedProduct on Product {\n    id\n    name\n    stock\n    version\n  }\n"): (typeof documents)["\n  fragment WatchedProduct on Product {\n    id\n    name\n    stock\n    version\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query TrendingProducts($first: Int!) {\n    trendingProducts(first: $first) {\n      ...WatchedProduct\n    }\n  }\n"): (typeof documents)["\n  query TrendingProducts($first: Int!) {\n    trendingProducts(first: $first) {\n      ...WatchedProduct\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription WatchedStock($productIds: [ID!]!) {\n    stockUpdates(productIds: $productIds) {\n      ...WatchedProduct\n    }\n  }\n"): (typeof documents)["\n  subscription WatchedStock($productIds: [ID!]!) {\n    stockUpdates(productIds: $productIds) {\n      ...WatchedProduct\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment SessionParts on Session {\n    accessToken\n    refreshToken\n    expiresAt\n    user {\n      id\n      name\n      role\n    }\n  }\n"): (typeof documents)["\n  fragment SessionParts on Session {\n    accessToken\n    refreshToken\n    expiresAt\n    user {\n      id\n      name\n      role\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment UserErrorParts on UserError {\n    code\n    message\n    field\n  }\n"): (typeof documents)["\n  fragment UserErrorParts on UserError {\n    code\n    message\n    field\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation Login($input: LoginInput!) {\n    login(input: $input) {\n      session {\n        ...SessionParts\n      }\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation Login($input: LoginInput!) {\n    login(input: $input) {\n      session {\n        ...SessionParts\n      }\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation Register($input: RegisterInput!) {\n    register(input: $input) {\n      session {\n        ...SessionParts\n      }\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation Register($input: RegisterInput!) {\n    register(input: $input) {\n      session {\n        ...SessionParts\n      }\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation RefreshSession($input: RefreshSessionInput!) {\n    refreshSession(input: $input) {\n      session {\n        ...SessionParts\n      }\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation RefreshSession($input: RefreshSessionInput!) {\n    refreshSession(input: $input) {\n      session {\n        ...SessionParts\n      }\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation Logout {\n    logout {\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation Logout {\n    logout {\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment ShopProduct on Product {\n    id\n    sku\n    name\n    price {\n      amount\n      currencyCode\n    }\n    stock\n    status\n    version\n  }\n"): (typeof documents)["\n  fragment ShopProduct on Product {\n    id\n    sku\n    name\n    price {\n      amount\n      currencyCode\n    }\n    stock\n    status\n    version\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Products($filter: ProductFilter, $first: Int!, $after: String) {\n    products(filter: $filter, first: $first, after: $after) {\n      totalCount\n      edges {\n        cursor\n        node {\n          ...ShopProduct\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"): (typeof documents)["\n  query Products($filter: ProductFilter, $first: Int!, $after: String) {\n    products(filter: $filter, first: $first, after: $after) {\n      totalCount\n      edges {\n        cursor\n        node {\n          ...ShopProduct\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription StockUpdates($productIds: [ID!]!) {\n    stockUpdates(productIds: $productIds) {\n      ...ShopProduct\n    }\n  }\n"): (typeof documents)["\n  subscription StockUpdates($productIds: [ID!]!) {\n    stockUpdates(productIds: $productIds) {\n      ...ShopProduct\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query ProductStock($id: ID!) {\n    product(id: $id) {\n      ...ShopProduct\n    }\n  }\n"): (typeof documents)["\n  query ProductStock($id: ID!) {\n    product(id: $id) {\n      ...ShopProduct\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment MyOrder on Order {\n    id\n    number\n    status\n    version\n    placedAt\n    total {\n      amount\n      currencyCode\n    }\n    items {\n      sku\n      name\n      quantity\n      lineTotal {\n        amount\n        currencyCode\n      }\n    }\n    history {\n      cursor\n      to\n      reason\n      occurredAt\n    }\n  }\n"): (typeof documents)["\n  fragment MyOrder on Order {\n    id\n    number\n    status\n    version\n    placedAt\n    total {\n      amount\n      currencyCode\n    }\n    items {\n      sku\n      name\n      quantity\n      lineTotal {\n        amount\n        currencyCode\n      }\n    }\n    history {\n      cursor\n      to\n      reason\n      occurredAt\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query MyOrders($first: Int!, $after: String) {\n    eventCursor\n    orders(first: $first, after: $after) {\n      totalCount\n      edges {\n        cursor\n        node {\n          ...MyOrder\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"): (typeof documents)["\n  query MyOrders($first: Int!, $after: String) {\n    eventCursor\n    orders(first: $first, after: $after) {\n      totalCount\n      edges {\n        cursor\n        node {\n          ...MyOrder\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription MyOrderUpdates($after: EventCursor) {\n    orderUpdates(after: $after) {\n      cursor\n      kind\n      previousStatus\n      order {\n        ...MyOrder\n      }\n    }\n  }\n"): (typeof documents)["\n  subscription MyOrderUpdates($after: EventCursor) {\n    orderUpdates(after: $after) {\n      cursor\n      kind\n      previousStatus\n      order {\n        ...MyOrder\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation PlaceOrder($input: PlaceOrderInput!) {\n    placeOrder(input: $input) {\n      order {\n        ...MyOrder\n      }\n      replayed\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation PlaceOrder($input: PlaceOrderInput!) {\n    placeOrder(input: $input) {\n      order {\n        ...MyOrder\n      }\n      replayed\n      userErrors {\n        ...UserErrorParts\n      }\n    }\n  }\n"];

export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}

export type DocumentType<TDocumentNode extends DocumentNode<any, any>> = TDocumentNode extends DocumentNode<  infer TType,  any>  ? TType  : never;