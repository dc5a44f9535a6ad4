// Prepares the benchmark of reads:
//   CUSTOMERS=64 node reads-prepare.mjs customers FOLDER NAME URL
//     registers customers at a GraphQL server, gives each some orders, and writes NAME-users.json
//   node reads-prepare.mjs workloads FOLDER NAME=URL…
//     checks that all servers answer alike, and writes NAME.json for each, the workload of orderwire-mix. The server `rest` is
//     asked over REST
//   STAFF_PASSWORD=… node reads-prepare.mjs growth FOLDER URL STAFF_EMAIL
//     writes growth.json, a workload that reads the orders of all customers, as staff, and prints the number of orders
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { VISITOR, body, call, catalogue, forEach, headers, listed, register, signIn } from "./shop.mjs";

const PAGE = 50; // products
const ORDERS = 20; // of each customer: one page
const LINES = 3;
const ORDER_BODIES = 1000;
const CHECKED = 50; // products
const MOST_CUSTOMERS = 20_000; // whose orders are read when the data grows

const CUSTOMER_ORDERS = `query ($id: ID!, $first: Int!) {
  user(id: $id) { orders(first: $first) { nodes {
    id number status placedAt total { amount currencyCode }
    items {
      quantity product { id sku name price { amount currencyCode } }
      unitPrice { amount currencyCode } lineTotal { amount currencyCode }
    }
  } } }
}`.replace(/\s+/g, " ");
const ALL_CUSTOMERS = `query ($after: String) {
  users(first: 100, after: $after, filter: { role: CUSTOMER }) { nodes { id } pageInfo { hasNextPage endCursor } }
}`;

// The least that a GraphQL server can be asked.
const FLOOR = {
  name: "floor",
  share: 0,
  bodies: [JSON.stringify({ query: "{ __typename }" })],
  answer: '{"data":{"__typename":"Query"',
};

// How servers are asked: the requests, and how each answer begins.
const GRAPHQL = {
  product: (id) => body("Product", { id }),
  page: (first, after) => body("ProductPage", { first, after }),
  orders: body("MyOrders", { first: ORDERS }),
  placeOrder: (input) => body("PlaceOrder", { input }),
  answers: {
    product: '{"data":{"product":{"id":"',
    page: '{"data":{"products":{"nodes":[{"id":"',
    orders: '{"data":{"me":{"orders":{"nodes":[{"id":"',
    placeOrder: '{"data":{"placeOrder":{"userErrors":[],"order":{"id":"',
  },
  async read(url, client, request) {
    const { me, ...data } = await call(url, client, request);
    return me ? me.orders : Object.values(data)[0];
  },
};
const REST = {
  product: (id) => `/products/${id}`,
  page: (first, after) => `/products?${new URLSearchParams({ first, ...(after && { after }) })}`,
  orders: `/me/orders?first=${ORDERS}`,
  placeOrder: (input) => input,
  answers: {
    product: '{"id":"prd_',
    page: '{"nodes":[{"id":"prd_',
    orders: '{"nodes":[{"id":"ord_',
    placeOrder: '{"order":{"id":"ord_',
  },
  async read(url, client, path) {
    const response = await fetch(new URL(path, url), { headers: headers(client), signal: AbortSignal.timeout(10_000) });
    const text = await response.text();
    assert.equal(response.status, 200, `${path} answered ${response.status}: ${text.slice(0, 500)}`);
    return JSON.parse(text);
  },
};

const bySku = (a, b) => (a.sku < b.sku ? -1 : 1);
const numbers = (count) => Array.from({ length: count }, (_, index) => index);

// The n-th order; its products are far from those of its neighbours, so that orders rarely wait for each other.
function orderInput(products, n, idempotencyKey) {
  const items = numbers(LINES).map((line) => ({
    productId: products[(n * 37 + line * 101) % products.length].id,
    quantity: 1 + ((n + line) % 3),
  }));
  return { items, idempotencyKey };
}

async function customers(folder, name, url) {
  const products = (await catalogue(url)).filter(({ stock }) => stock > 0).sort(bySku);
  const users = await forEach(numbers(Number(process.env.CUSTOMERS)), (index) => register(url, index));
  const place = async (user, n) => {
    const request = GRAPHQL.placeOrder(orderInput(products, n, `prepared-${n}`));
    const { order, userErrors } = (await call(url, user, request)).placeOrder;
    assert.deepEqual(userErrors, []);
    return order.id;
  };
  await forEach(users, async (user, index) => {
    const first = index * ORDERS;
    const placed = await place(user, first);
    for (let n = first + 1; n < first + ORDERS; n++) await place(user, n);
    assert.equal(await place(user, first), placed, "an order that was placed twice");
  });
  writeFileSync(join(folder, `${name}-users.json`), JSON.stringify(users));
  console.log(`${name}: ${users.length} customers with ${ORDERS} orders each`);
}

// All pages of products of this size.
async function productPages(api, url, size) {
  const pages = [];
  for (let after = null; ; ) {
    const page = await api.read(url, VISITOR, api.page(size, after));
    pages.push(page);
    if (!page.pageInfo.hasNextPage) return pages;
    after = page.pageInfo.endCursor;
  }
}

function operation(api, name, share, requests) {
  const texts = requests.map((request) => (typeof request === "string" ? request : JSON.stringify(request)));
  const kind = typeof requests[0] === "string" ? "paths" : "bodies";
  return { name, share, [kind]: texts, answer: api.answers[name] };
}

// Reads of a random product, and of a page after a random one.
async function productReads(api, url) {
  const single = await productPages(api, url, 1);
  const products = single.map(({ nodes }) => nodes[0]).sort(bySku);
  // Whole pages only.
  const cursors = single.map(({ pageInfo }) => pageInfo.endCursor).slice(0, -PAGE);
  assert.ok(cursors.length > 0);
  const operations = [
    operation(api, "product", 0.4, products.map(({ id }) => api.product(id))),
    operation(api, "page", 0.4, cursors.map((cursor) => api.page(PAGE, cursor))),
  ];
  return { products, operations };
}

// Ids and times differ between servers.
function comparable(value) {
  const own = new Set(["id", "number", "placedAt"]);
  return JSON.parse(JSON.stringify(value, (key, inner) => (own.has(key) ? typeof inner : inner)));
}

// A customer's orders, newest first. Those of one millisecond may be in any order.
function comparableOrders({ nodes }) {
  assert.equal(nodes.length, ORDERS);
  const times = nodes.map(({ placedAt }) => Date.parse(placedAt));
  assert.deepEqual(times, times.toSorted((a, b) => b - a), "orders that are not newest first");
  const lines = ({ items }) => items.map(({ quantity, product }) => `${quantity} ${product.sku}`).join();
  return comparable(nodes).sort((a, b) => (lines(a) < lines(b) ? -1 : 1));
}

// Products of one name may be in any order.
async function answers(api, url, products, users) {
  const checked = products.filter((_, index) => index % Math.ceil(products.length / CHECKED) === 0);
  const pages = await productPages(api, url, PAGE);
  assert.ok(pages.slice(0, -1).every(({ nodes }) => nodes.length === PAGE), `${url}: a page that is not full`);
  const single = await forEach(checked, ({ id }) => api.read(url, VISITOR, api.product(id)));
  const orders = await forEach(users, (user) => api.read(url, user, api.orders));
  return {
    products: comparable(single),
    pages: comparable(pages.flatMap(({ nodes }) => nodes).sort(bySku)),
    orders: orders.map(comparableOrders),
  };
}

async function workloads(folder, servers) {
  let expected;
  for (const [name, url] of servers) {
    const api = name === "rest" ? REST : GRAPHQL;
    const users = JSON.parse(readFileSync(join(folder, `${name}-users.json`), "utf8"));
    const { products, operations } = await productReads(api, url);
    const found = await answers(api, url, products, users);
    expected ??= found;
    for (const [kind, list] of Object.entries(found)) {
      assert.equal(list.length, expected[kind].length, `${name}: ${kind}`);
      // One at a time, so that the difference is shown.
      list.forEach((answer, index) => assert.deepEqual(answer, expected[kind][index]));
    }
    const placed = numbers(ORDER_BODIES).map((n) => api.placeOrder(orderInput(products, n, "{unique}")));
    operations.unshift(FLOOR);
    operations.push(operation(api, "orders", 0.15, [api.orders]), operation(api, "placeOrder", 0.05, placed));
    writeFileSync(join(folder, `${name}.json`), JSON.stringify({ users, operations }));
    console.log(`${name}: ${products.length} products; the same answers as ${servers[0][0]}`);
  }
}

async function growth(folder, url, email) {
  const staff = await signIn(url, email, process.env.STAFF_PASSWORD);
  const { operations } = await productReads(GRAPHQL, url);
  const ids = [];
  for await (const { id } of listed(url, staff, ALL_CUSTOMERS, (data) => data.users)) ids.push(id);
  const read = ids.filter((_, index) => index % Math.ceil(ids.length / MOST_CUSTOMERS) === 0);
  const bodies = read.map((id) => JSON.stringify({ query: CUSTOMER_ORDERS, variables: { id, first: ORDERS } }));
  operations.push({ name: "orders", share: 1, bodies, answer: '{"data":{"user":{"orders":{"nodes":[' });
  writeFileSync(join(folder, "growth.json"), JSON.stringify({ users: [staff], operations }));
  const { orders } = await call(url, staff, { query: "{ orders(first: 1) { totalCount } }" });
  console.log(orders.totalCount);
}

const [command, folder, ...rest] = process.argv.slice(2);
if (command === "customers" && rest.length === 2) await customers(folder, ...rest);
else if (command === "workloads" && rest.length > 0) await workloads(folder, rest.map((named) => named.split(/=(.*)/s)));
else if (command === "growth" && rest.length === 2) await growth(folder, ...rest);
else {
  console.error("usage: node reads-prepare.mjs customers|workloads|growth FOLDER …");
  process.exit(2);
}
