// What a request reads from MongoDB, batched by DataLoaders that live as long as the request.
import DataLoader from "dataloader";

const ORDER_FIELDS = {
  number: 1, region: 1, customerId: 1, items: 1, total: 1, currency: 1, status: 1, version: 1, placedAt: 1,
};
const USER_FIELDS = { name: 1, email: 1, role: 1, region: 1 };
const PRODUCT_FIELDS = { sku: 1, name: 1, price: 1, currency: 1, stock: 1, status: 1 };
const TASK_FIELDS = { title: 1, status: 1, priority: 1, orderId: 1, createdAt: 1 };

export const indexes = {
  users: [{ key: { email: 1 }, unique: true }],
  products: [{ key: { sku: 1 }, unique: true }],
  orders: [{ key: { number: 1 }, unique: true }, { key: { placedAt: -1, _id: -1 } }],
  tasks: [{ key: { orderId: 1, createdAt: -1, _id: -1 } }],
};

// Newest first: rows after the cursor.
const olderThan = (field, after) =>
  after ? { $or: [{ [field]: { $lt: after.date } }, { [field]: after.date, _id: { $lt: after.id } }] } : {};

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
    orders: (limit, after) =>
      orders
        .find(olderThan("placedAt", after), { projection: ORDER_FIELDS })
        .sort({ placedAt: -1, _id: -1 })
        .limit(limit)
        .toArray(),
    products: (limit) =>
      db.collection("products").find({}, { projection: PRODUCT_FIELDS }).sort({ _id: 1 }).limit(limit).toArray(),
  };
}
