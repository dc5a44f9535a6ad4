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
  type User implements Node {
    id: ID! name: String! email: String role: UserRole! region: String
    orders(first: Int = 20, after: String): OrderConnection!
  }

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

  type ProductConnection { edges: [ProductEdge!]! nodes: [Product!]! pageInfo: PageInfo! }
  type ProductEdge { cursor: String! node: Product! }
  enum ProductOrderField { NAME }
  enum OrderDirection { ASC }
  input ProductOrder { field: ProductOrderField! direction: OrderDirection! }

  enum UpdateKind { SNAPSHOT CREATED STATUS_CHANGED UPDATED DELETED }
  type OrderUpdate { cursor: String! kind: UpdateKind! order: Order! }

  input OrderItemInput { productId: ID! quantity: Int! }
  input PlaceOrderInput { items: [OrderItemInput!]! idempotencyKey: String! }
  type UserError { code: String! message: String! }
  type PlaceOrderPayload { order: Order userErrors: [UserError!]! }

  input RegisterInput { email: String! password: String! name: String! region: String }
  type Session { accessToken: String! user: User! }
  type AuthPayload { session: Session userErrors: [UserError!]! }

  type Query {
    me: User
    product(id: ID!): Product
    order(id: ID!): Order
    orders(first: Int = 20, after: String): OrderConnection!
    products(first: Int = 20, after: String, orderBy: ProductOrder): ProductConnection!
  }
  type Mutation {
    register(input: RegisterInput!): AuthPayload!
    placeOrder(input: PlaceOrderInput!): PlaceOrderPayload!
  }
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

// What the list is sorted by (a time in milliseconds, or a text), and the id.
const encodeCursor = (key, id) => Buffer.from(JSON.stringify([key, id])).toString("base64url");

function decodeCursor(cursor, type = "number") {
  if (cursor == null) return null;
  try {
    const [key, id] = JSON.parse(Buffer.from(cursor, "base64url").toString());
    if (typeof key === type && typeof id === "string") return { key, id };
  } catch {}
  throw badInput("after: not a cursor of this list");
}

function pageSize(first) {
  if (first < 0 || first > MAX_PAGE_SIZE) throw badInput(`first: between 0 and ${MAX_PAGE_SIZE}`);
  return first;
}

const badInput = (message) => new GraphQLError(message, { extensions: { code: "BAD_USER_INPUT" } });

// `rows` has one row more than `first` when there is a next page.
function connection(rows, first, after, sortField) {
  const nodes = rows.slice(0, first);
  const cursorOf = (row) => encodeCursor(row[sortField].valueOf(), row._id);
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

async function orders(args, data, customerId) {
  const first = pageSize(args.first);
  const after = decodeCursor(args.after);
  return connection(await data.orders(first + 1, after, customerId), first, after, "placedAt");
}

const id = (row) => row._id;

export const resolvers = {
  DateTime: dateTime,
  Query: {
    order: (_, { id }, { data }) => data.order(id),
    me: (_, args, { data, viewerId }) => viewerId && data.users.load(viewerId),
    product: (_, { id }, { data }) => data.productById.load(id),
    orders: (_, args, { data }) => orders(args, data),
    products: async (_, args, { data }) => {
      const first = pageSize(args.first);
      const after = decodeCursor(args.after, "string");
      return connection(await data.products(first + 1, after), first, after, "nameKey");
    },
  },
  Mutation: {
    register: async (_, { input }, { register }) => {
      const session = await register(input);
      const taken = { code: "CONFLICT", message: "There is a user with this e-mail address." };
      return { session, userErrors: session ? [] : [taken] };
    },
    placeOrder: async (_, { input }, { data, placeOrder, viewerId }) => {
      const order = await placeOrder(viewerId && data.users.load(viewerId), input);
      const none = { code: "INSUFFICIENT_STOCK", message: "There is not enough of a product." };
      return { order, userErrors: order ? [] : [none] };
    },
  },
  Subscription: {
    orderUpdates: { subscribe: (_, { customerId }, { pubsub }) => pubsub.asyncIterator(topicOf(customerId)) },
  },
  User: { id, orders: (user, args, { data }) => orders(args, data, user._id) },
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
