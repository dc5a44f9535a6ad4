// The part of Orderwire's schema that the benchmarks use.
import { GraphQLError, GraphQLScalarType } from "graphql";
import { topicOf } from "./orders.mjs";

const MAX_PAGE_SIZE = 100;

export const typeDefs = `#graphql
  scalar DateTime
  scalar Decimal
  scalar CurrencyCode

  interface Node { id: ID! }
  type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
  type Money { amount: Decimal! currencyCode: CurrencyCode! }

  enum UserRole { CUSTOMER STAFF ADMIN }
  type User implements Node { id: ID! name: String! email: String role: UserRole! region: String }

  enum ProductStatus { ACTIVE ARCHIVED }
  type Product implements Node {
    id: ID! sku: String! name: String! price: Money! stock: Int! status: ProductStatus!
  }

  enum OrderStatus { PENDING CONFIRMED SHIPPED DELIVERED CANCELLED RETURNED }
  type Order implements Node {
    id: ID! number: String! region: String! customer: User! items: [OrderItem!]! total: Money!
    status: OrderStatus! version: Int! tasks(first: Int = 20, after: String): TaskConnection! placedAt: DateTime!
  }
  type OrderItem {
    product: Product sku: String! name: String! quantity: Int! unitPrice: Money! lineTotal: Money!
  }
  type OrderConnection { edges: [OrderEdge!]! nodes: [Order!]! pageInfo: PageInfo! }
  type OrderEdge { cursor: String! node: Order! }

  enum TaskStatus { TODO IN_PROGRESS DONE CANCELLED }
  enum TaskPriority { LOW MEDIUM HIGH URGENT }
  type Task implements Node {
    id: ID! title: String! status: TaskStatus! priority: TaskPriority! createdAt: DateTime!
  }
  type TaskConnection { edges: [TaskEdge!]! nodes: [Task!]! pageInfo: PageInfo! }
  type TaskEdge { cursor: String! node: Task! }

  type ProductConnection { nodes: [Product!]! }

  enum UpdateKind { SNAPSHOT CREATED STATUS_CHANGED UPDATED DELETED }
  type OrderUpdate { cursor: String! kind: UpdateKind! order: Order! }

  input OrderItemInput { productId: ID! quantity: Int! }
  input PlaceOrderInput { items: [OrderItemInput!]! idempotencyKey: String! }
  type UserError { code: String! message: String! }
  type PlaceOrderPayload { order: Order userErrors: [UserError!]! }

  type Query {
    order(id: ID!): Order
    orders(first: Int = 20, after: String): OrderConnection!
    products(first: Int = 20): ProductConnection!
  }
  type Mutation { placeOrder(input: PlaceOrderInput!): PlaceOrderPayload! }
  type Subscription { orderUpdates(customerId: ID): OrderUpdate! }
`;

const dateTime = new GraphQLScalarType({ name: "DateTime", serialize: (date) => date.toISOString() });

// Amounts are stored as whole numbers of 1/10,000 of the currency's unit.
const money = (units, currencyCode) => ({ amount: decimal(units), currencyCode });

function decimal(units) {
  const digits = String(Math.abs(units)).padStart(5, "0");
  const point = digits.length - 4;
  const fraction = digits.slice(point).replace(/0{1,2}$/, "");
  return `${units < 0 ? "-" : ""}${digits.slice(0, point)}.${fraction}`;
}

const encodeCursor = (date, id) => Buffer.from(`${date.getTime()} ${id}`).toString("base64url");

function decodeCursor(cursor) {
  if (cursor == null) return null;
  const [millis, id] = Buffer.from(cursor, "base64url").toString().split(" ");
  if (!id || !/^\d+$/.test(millis)) throw badInput("after: not a cursor of this list");
  return { date: new Date(Number(millis)), id };
}

function pageSize(first) {
  if (first < 0 || first > MAX_PAGE_SIZE) throw badInput(`first: between 0 and ${MAX_PAGE_SIZE}`);
  return first;
}

const badInput = (message) => new GraphQLError(message, { extensions: { code: "BAD_USER_INPUT" } });

// `rows` has one row more than `first` when there is a next page.
function connection(rows, first, after, sortField) {
  const nodes = rows.slice(0, first);
  const cursorOf = (row) => encodeCursor(row[sortField], row._id);
  return {
    nodes,
    edges: () => nodes.map((node) => ({ cursor: cursorOf(node), node })),
    pageInfo: () => ({
      hasNextPage: rows.length > first,
      hasPreviousPage: after !== null,
      startCursor: nodes.length ? cursorOf(nodes[0]) : null,
      endCursor: nodes.length ? cursorOf(nodes.at(-1)) : null,
    }),
  };
}

const id = (row) => row._id;

export const resolvers = {
  DateTime: dateTime,
  Query: {
    order: (_, { id }, { data }) => data.order(id),
    orders: async (_, args, { data }) => {
      const first = pageSize(args.first);
      const after = decodeCursor(args.after);
      return connection(await data.orders(first + 1, after), first, after, "placedAt");
    },
    products: async (_, { first }, { data }) => ({ nodes: await data.products(pageSize(first)) }),
  },
  Mutation: {
    placeOrder: async (_, { input }, { placeOrder }) => {
      const order = await placeOrder(input.items);
      const none = { code: "INSUFFICIENT_STOCK", message: "There is not enough of a product." };
      return { order, userErrors: order ? [] : [none] };
    },
  },
  Subscription: {
    orderUpdates: { subscribe: (_, { customerId }, { pubsub }) => pubsub.asyncIterator(topicOf(customerId)) },
  },
  User: { id },
  Product: { id, price: (product) => money(product.price, product.currency) },
  Task: { id },
  Order: {
    id,
    version: ({ version = 1 }) => version,
    customer: (order, _, { data }) => data.users.load(order.customerId),
    items: ({ items, currency }) => items.map((item) => Object.assign(item, { currency })),
    total: (order) => money(order.total, order.currency),
    tasks: async (order, args, { data }) => {
      const first = pageSize(args.first);
      const after = decodeCursor(args.after);
      return connection(await data.tasks(first + 1, after).load(order._id), first, after, "createdAt");
    },
  },
  OrderItem: {
    product: (item, _, { data }) => data.productById.load(item.productId),
    unitPrice: (item) => money(item.unitPrice, item.currency),
    lineTotal: (item) => money(item.lineTotal, item.currency),
  },
};
