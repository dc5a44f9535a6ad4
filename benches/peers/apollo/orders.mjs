// Placing orders: in one transaction with the stock, then published through Redis.
import Redis from "ioredis";
import { RedisPubSub } from "graphql-redis-subscriptions";

// All orders, or those of one customer.
export const topicOf = (customerId) => (customerId ? `ORDER_UPDATES.${customerId}` : "ORDER_UPDATES");

const BUYER_EMAIL = "benchmark@example.com"; // places the orders of those who are not signed in
const DUPLICATE_KEY = 11000;

export function connectPubSub(url) {
  const reviver = (key, value) => (key === "placedAt" ? new Date(value) : value);
  return new RedisPubSub({ publisher: new Redis(url), subscriber: new Redis(url), reviver });
}

export async function orderPlacing(client, db, pubsub) {
  const anonymous = await db.collection("users").findOne({ email: BUYER_EMAIL });
  const [orders, products, counters] = ["orders", "products", "counters"].map((name) => db.collection(name));

  // null when there is not enough stock.
  async function write(sequence, customer, { items: lines, idempotencyKey }, session) {
    const items = [];
    for (const { productId, quantity } of lines) {
      const enough = { _id: productId, stock: { $gte: quantity } };
      const product = await products.findOneAndUpdate(enough, { $inc: { stock: -quantity } }, { session });
      if (!product) {
        await session.abortTransaction();
        return null;
      }
      const { sku, name, price: unitPrice, currency } = product;
      items.push({ productId, sku, name, quantity, unitPrice, lineTotal: unitPrice * quantity, currency });
    }
    const order = {
      _id: `ord_${String(sequence).padStart(26, "0")}`,
      number: `N${String(sequence).padStart(8, "0")}`,
      region: customer.region,
      customerId: customer._id,
      idempotencyKey,
      items,
      total: items.reduce((sum, item) => sum + item.lineTotal, 0),
      currency: items[0].currency,
      status: "PENDING",
      version: 1,
      placedAt: new Date(),
    };
    await orders.insertOne(order, { session });
    return order;
  }

  async function nextSequence() {
    const counted = { upsert: true, returnDocument: "after" };
    return (await counters.findOneAndUpdate({ _id: "orders" }, { $inc: { value: 1 } }, counted)).value;
  }

  // A repeated key gives the order that was placed with it.
  async function place(customer, sequence, input) {
    try {
      const order = await client.withSession((session) =>
        session.withTransaction(() => write(sequence, customer, input, session)),
      );
      return { order, isNew: true };
    } catch (error) {
      if (error.code !== DUPLICATE_KEY) throw error;
      const order = await orders.findOne({ customerId: customer._id, idempotencyKey: input.idempotencyKey });
      return { order, isNew: false };
    }
  }

  // `viewer` is a promise of a user, or nothing.
  return async (viewer, input) => {
    const [customer, sequence] = await Promise.all([viewer ?? anonymous, nextSequence()]);
    const { order, isNew } = await place(customer, sequence, input);
    if (order && isNew) {
      const update = { orderUpdates: { cursor: String(sequence), kind: "CREATED", order } };
      await Promise.all([undefined, order.customerId].map((id) => pubsub.publish(topicOf(id), update)));
    }
    return order;
  };
}
