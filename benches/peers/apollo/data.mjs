// What a request reads from MongoDB, batched by DataLoaders that live as long as the request.
import DataLoader from "dataloader";

const ORDER_FIELDS = {
  number: 1, region: 1, customerId: 1, items: 1, total: 1, currency: 1, status: 1, version: 1, placedAt: 1,
};
const USER_FIELDS = { name: 1, email: 1, role: 1, region: 1 };
const PRODUCT_FIELDS = { sku: 1, name: 1, nameKey: 1, price: 1, currency: 1, stock: 1, status: 1 };
const TASK_FIELDS = { title: 1, status: 1, priority: 1, orderId: 1, createdAt: 1 };

export const indexes = {
  users: [{ key: { email: 1 }, unique: true }],
  products: [
    { key: { sku: 1 }, unique: true },
    { key: { status: 1, nameKey: 1, _id: 1 } },
  ],
  orders: [
    { key: { number: 1 }, unique: true },
    { key: { placedAt: -1, _id: -1 } },
    { key: { customerId: 1, placedAt: -1, _id: -1 } },
    {
      key: { customerId: 1, idempotencyKey: 1 },
      unique: true,
      partialFilterExpression: { idempotencyKey: { $exists: true } },
    },
  ],
  tasks: [{ key: { orderId: 1, createdAt: -1, _id: -1 } }],
};

// Rows after the cursor, in rising ($gt) or falling ($lt) order. The first condition is where the walk of the index begins.
const beyond = (operator, field, { key, id }) => ({
  [field]: { [`${operator}e`]: key },
  $or: [{ [field]: { [operator]: key } }, { _id: { [operator]: id } }],
});

const olderThan = (field, after) => after && beyond("$lt", field, { key: new Date(after.key), id: after.id });

// One row, or null, for each id. The batch size saves a second round trip.
const byId = (collection, projection) =>
  new DataLoader(async (ids) => {
    const rows = await collection.find({ _id: { $in: ids } }, { projection, batchSize: ids.length + 1 }).toArray();
    const found = new Map(rows.map((row) => [row._id, row]));
    return ids.map((id) => found.get(id) ?? null);
  });

// At most `limit` tasks, newest first, for each order id.
const tasksByOrder = (collection, limit, after) =>
  new DataLoader(async (orderIds) => {
    const found = new Map(orderIds.map((id) => [id, []]));
    const rows = collection
      .find({ orderId: { $in: orderIds }, ...olderThan("createdAt", after) }, { projection: TASK_FIELDS })
      .sort({ orderId: 1, createdAt: -1, _id: -1 });
    for (const row of await rows.toArray()) {
      const tasks = found.get(row.orderId);
      if (tasks.length < limit) tasks.push(row);
    }
    return orderIds.map((id) => found.get(id));
  });

export function requestData(db) {
  const orders = db.collection("orders");
  const taskLoaders = new Map();
  return {
    users: byId(db.collection("users"), USER_FIELDS),
    productById: byId(db.collection("products"), PRODUCT_FIELDS),
    tasks(limit, after) {
      const key = JSON.stringify([limit, after]);
      let loader = taskLoaders.get(key);
      if (!loader) taskLoaders.set(key, (loader = tasksByOrder(db.collection("tasks"), limit, after)));
      return loader;
    },
    order: (id) => orders.findOne({ _id: id }, { projection: ORDER_FIELDS }),
    // Newest first: everyone's, or one customer's.
    orders: (limit, after, customerId) =>
      orders
        .find({ ...(customerId && { customerId }), ...olderThan("placedAt", after) }, { projection: ORDER_FIELDS })
        .sort({ placedAt: -1, _id: -1 })
        .limit(limit)
        .toArray(),
    // By name.
    products: (limit, after) =>
      db
        .collection("products")
        .find({ status: "ACTIVE", ...(after && beyond("$gt", "nameKey", after)) }, { projection: PRODUCT_FIELDS })
        .sort({ nameKey: 1, _id: 1 })
        .limit(limit)
        .toArray(),
  };
}
