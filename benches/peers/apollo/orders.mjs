// Placing orders: in one transaction with the stock, then published through Redis.
import Redis from "ioredis";
import { RedisPubSub } from "graphql-redis-subscriptions";

// All orders, or those of one customer.
export const topicOf = (customerId) => (customerId ? `ORDER_UPDATES.${customerId}` : "ORDER_UPDATES");

const CUSTOMER_EMAIL = "benchmark@example.com"; // places all orders, as there is no sign-in

export function connectPubSub(url) {
  const reviver = (key, value) => (key === "placedAt" ? new Date(value) : value);
  return new RedisPubSub({ publisher: new Redis(url), subscriber: new Redis(url), reviver });
}

export async function orderPlacing(client, db, pubsub) {
  const customer = await db.collection("users").findOne({ email: CUSTOMER_EMAIL });
  const [orders, products, counters] = ["orders", "products", "counters"].map((name) => db.collection(name));

  // null when there is not enough stock.
  async function write(sequence, lines, session) {
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
      region: null,
      customerId: customer._id,
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

  return async (lines) => {
    const counted = { upsert: true, returnDocument: "after" };
    const { value } = await counters.findOneAndUpdate({ _id: "orders" }, { $inc: { value: 1 } }, counted);
    const order = await client.withSession((session) =>
      session.withTransaction(() => write(value, lines, session)),
    );
    if (order) {
      const update = { orderUpdates: { cursor: String(value), kind: "CREATED", order } };
      await Promise.all([undefined, order.customerId].map((id) => pubsub.publish(topicOf(id), update)));
    }
    return order;
  };
}
