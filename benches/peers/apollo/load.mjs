// Loads the peer's database: node load.mjs INVOICES.csv.gz HADOOP_BUGS.csv.gz
// The rules are those of `orderwire import`; what this keeps is what the benchmark can reach.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { parse } from "csv-parse";
import { MongoClient } from "mongodb";
import { indexes } from "./data.mjs";

const BATCH = 1000;
const STOCK = 1000;
const ORDERS_WITH_TASKS = 200;
const PRIORITIES = { Blocker: "URGENT", Critical: "URGENT", Major: "HIGH", Minor: "MEDIUM", Trivial: "LOW" };
const OPEN_STATUSES = { Open: "TODO", Reopened: "TODO", "In Progress": "IN_PROGRESS", "Patch Available": "IN_PROGRESS" };
const DONE = new Set(["Fixed", "Done", "Implemented", "Delivered"]);
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const [invoicesPath, tasksPath] = process.argv.slice(2);
if (!tasksPath || !process.env.DATABASE_URL) {
  console.error("usage: DATABASE_URL=mongodb://HOST/apollo_peer node load.mjs INVOICES.csv.gz HADOOP_BUGS.csv.gz");
  process.exit(2);
}

// As long as Orderwire's ids, and the same at each load.
function makeId(prefix, key) {
  const hash = createHash("sha256").update(`${prefix}\0${key}`).digest();
  return `${prefix}_${Array.from(hash.subarray(0, 26), (byte) => CROCKFORD[byte & 31]).join("")}`;
}

const records = (path) => createReadStream(path).pipe(createGunzip()).pipe(parse({ columns: true }));

// "2.1" -> 21000: whole numbers of 1/10,000, so that sums are exact.
function units(text) {
  const [whole, fraction = ""] = text.split(".");
  return Number(`${whole}${fraction.padEnd(4, "0")}`);
}

// A British local time without a zone. The offset of the same numbers taken as UTC is right except within the
// hour of a change, at night, where this data has nothing.
const londonClock = new Intl.DateTimeFormat("en-GB", { timeZone: "Europe/London", hour: "2-digit", hourCycle: "h23" });
function londonTime(text) {
  const asUtc = new Date(`${text}Z`);
  const summerTime = Number(londonClock.format(asUtc)) !== asUtc.getUTCHours();
  return summerTime ? new Date(asUtc.getTime() - 3_600_000) : asUtc;
}

async function readRetail(path) {
  const products = new Map();
  const users = new Map();
  const orders = new Map();
  for await (const row of records(path)) {
    const price = units(row.UnitPrice);
    const product = getOrAdd(products, row.StockCode, () => ({ price: 0, names: new Map() }));
    const name = row.Description.trim();
    if (name) product.names.set(name, (product.names.get(name) ?? 0) + 1);
    if (price > 0) product.price = price;
    if (row.CustomerID) users.set(row.CustomerID, row.Country);
    if (row.CustomerID && !row.InvoiceNo.startsWith("C")) {
      const order = getOrAdd(orders, row.InvoiceNo, () => ({ row, time: row.InvoiceDate, lines: [] }));
      if (row.InvoiceDate < order.time) order.time = row.InvoiceDate;
      order.lines.push({ sku: row.StockCode, name, quantity: Number(row.Quantity), price });
    }
  }
  const productRows = new Map([...products].map(([sku, product]) => [sku, productRow(sku, product)]));
  return {
    products: [...productRows.values()],
    users: [...users].map(([number, region]) => userRow(number, region)),
    orders: [...orders].map(([number, order]) => orderRow(number, order, productRows)),
  };
}

function getOrAdd(map, key, make) {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

function productRow(sku, { price, names }) {
  // The most frequent name; the smallest on a tie.
  const [name = sku] = [...names].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0] ?? [];
  const tags = /^[0-9]{5}[A-Za-z]{0,2}$/.test(sku) ? [] : ["non-standard"];
  return {
    _id: makeId("prd", sku),
    sku,
    name,
    nameKey: name.toLowerCase(),
    price,
    currency: "GBP",
    stock: STOCK,
    status: "ACTIVE",
    tags,
  };
}

const userRow = (number, region) => ({
  _id: makeId("usr", number),
  name: `Customer ${number}`,
  email: `customer-${number}@example.com`,
  role: "CUSTOMER",
  region,
});

function orderRow(number, { row, time, lines }, products) {
  const items = lines.map(({ sku, name, quantity, price }) => {
    const product = products.get(sku);
    const lineTotal = price * quantity;
    return { productId: product._id, sku, name: name || product.name, quantity, unitPrice: price, lineTotal };
  });
  return {
    _id: makeId("ord", number),
    number,
    region: row.Country,
    customerId: makeId("usr", row.CustomerID),
    items,
    total: items.reduce((sum, item) => sum + item.lineTotal, 0),
    currency: "GBP",
    status: "DELIVERED",
    placedAt: londonTime(time),
  };
}

// "30/Sep/21 17:20"
function jiraTime(text) {
  const [, day, month, year, hour, minute] = /^(\d+)\/(\w+)\/(\d+) (\d+):(\d+)$/.exec(text);
  return new Date(Date.UTC(2000 + Number(year), MONTHS.indexOf(month), day, hour, minute));
}

async function readTasks(path, createdBy) {
  const tasks = [];
  for await (const row of records(path)) {
    tasks.push({
      _id: makeId("tsk", row["Issue id"]),
      title: row.Summary.trim(),
      description: row.Description || null,
      status: OPEN_STATUSES[row.Status] ?? (DONE.has(row.Resolution) ? "DONE" : "CANCELLED"),
      priority: PRIORITIES[row.Priority],
      createdBy,
      orderId: null,
      createdAt: jiraTime(row.Created),
    });
  }
  return tasks;
}

// The same as benches/seed-tasks.mjs makes through an API.
function orderTasks(orders, createdBy) {
  const newest = orders.toSorted((a, b) => b.placedAt - a.placedAt).slice(0, ORDERS_WITH_TASKS);
  const now = Date.now();
  return newest.flatMap((order, index) =>
    ["Pack order", "Check address of order"].map((title, which) => ({
      _id: makeId("tsk", `${title} ${order.number}`),
      title: `${title} ${order.number}`,
      description: null,
      status: "TODO",
      priority: "MEDIUM",
      createdBy,
      orderId: order._id,
      createdAt: new Date(now + 2 * index + which),
    })),
  );
}

async function replace(db, name, rows) {
  const collection = db.collection(name);
  await collection.drop();
  for (let start = 0; start < rows.length; start += BATCH) {
    await collection.insertMany(rows.slice(start, start + BATCH), { ordered: false });
  }
  await collection.createIndexes(indexes[name]);
}

const client = await new MongoClient(process.env.DATABASE_URL).connect();
try {
  const admin = { ...userRow("0", null), name: "Benchmark", email: "benchmark@example.com", role: "ADMIN" };
  const { products, users, orders } = await readRetail(invoicesPath);
  const tasks = [...(await readTasks(tasksPath, admin._id)), ...orderTasks(orders, admin._id)];
  const rows = { users: [admin, ...users], products, orders, tasks };
  for (const [name, list] of Object.entries(rows)) await replace(client.db(), name, list);
  const items = orders.reduce((count, order) => count + order.items.length, 0);
  const total = orders.reduce((sum, order) => sum + order.total, 0);
  console.log(
    `${products.length} products, ${users.length} customers, ${orders.length} orders, ${items} items,` +
      ` £${total / 10_000} in all, ${tasks.length} tasks`,
  );
} finally {
  await client.close();
}
