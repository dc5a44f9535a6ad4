// Prepares servers for the mix of requests: registers customers and gives each some orders, checks that all servers
// answer the reads alike, and writes NAME.json for each, the workload of orderwire-mix:
//   USERS=100 node mix-prepare.mjs FOLDER NAME=URL…
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { VISITOR, body, call, catalogue, forEach, register } from "./shop.mjs";

const USERS = Number(process.env.USERS ?? 100);
const ORDERS_EACH = 10;
const LINES = 3;
const ORDER_BODIES = 1000;
const CHECKED = 50;
const SEARCHES = ["heart", "vintage", "bag", "christmas", "light", "red retrospot", "holder", "box", "pink", "paper"];

// The n-th order; its products are far from those of its neighbours, so that orders rarely wait for each other.
function placeOrder(products, n, idempotencyKey) {
  const items = Array.from({ length: LINES }, (_, line) => ({
    productId: products[(n * 37 + line * 101) % products.length].id,
    quantity: 1 + ((n + line) % 3),
  }));
  return body("PlaceOrder", { input: { items, idempotencyKey } });
}

async function prepare(url) {
  const inStock = (await catalogue(url)).filter(({ stock }) => stock > 0);
  const products = inStock.sort((a, b) => (a.sku < b.sku ? -1 : 1));
  const users = await forEach(Array.from({ length: USERS }, (_, index) => index), (index) => register(url, index));
  const place = async (user, n) => {
    const { order, userErrors } = (await call(url, user, placeOrder(products, n, `prepared-${n}`))).placeOrder;
    assert.deepEqual(userErrors, []);
    return order.id;
  };
  await forEach(users, async (user, index) => {
    const first = index * ORDERS_EACH;
    const placed = await place(user, first);
    for (let n = first + 1; n < first + ORDERS_EACH; n++) await place(user, n);
    assert.equal(await place(user, first), placed, "an order that was placed twice");
  });
  return { url, products, users };
}

function workload({ products, users }) {
  const operation = (name, share, requests, answer) => ({
    name,
    share,
    bodies: requests.map((request) => JSON.stringify(request)),
    answer,
  });
  const productReads = products.map(({ id }) => body("Product", { id }));
  const pages = SEARCHES.map((search) => body("ProductPage", { search }));
  const orders = Array.from({ length: ORDER_BODIES }, (_, n) => placeOrder(products, n, "{unique}"));
  return {
    users,
    operations: [
      operation("Product", 0.4, productReads, '{"data":{"product":{"id":"'),
      operation("ProductPage", 0.4, pages, '{"data":{"products":{"nodes":[{"id":"'),
      operation("MyOrders", 0.15, [body("MyOrders")], '{"data":{"me":{"orders":{"nodes":[{"id":"'),
      operation("PlaceOrder", 0.05, orders, '{"data":{"placeOrder":{"userErrors":[],"order":{"id":"'),
    ],
  };
}

// Ids, cursors and times differ between servers, and so does the order of products of one name.
function comparable(data) {
  const own = new Set(["id", "number", "placedAt", "endCursor"]);
  const copy = JSON.parse(JSON.stringify(data, (key, value) => (own.has(key) ? typeof value : value)));
  const key = ({ name, sku }) => `${name}\0${sku}`;
  copy.products?.nodes.sort((a, b) => (key(a) < key(b) ? -1 : 1));
  return copy;
}

async function reads({ url, products, users }) {
  const asked = [
    ...products.slice(0, CHECKED).map(({ id }) => [VISITOR, body("Product", { id })]),
    ...SEARCHES.map((search) => [VISITOR, body("ProductPage", { search })]),
    ...users.slice(0, CHECKED).map((user) => [user, body("MyOrders")]),
  ];
  return forEach(asked, async ([user, request]) => comparable(await call(url, user, request)));
}

const [folder, ...named] = process.argv.slice(2);
if (named.length === 0) {
  console.error("usage: USERS=100 node mix-prepare.mjs FOLDER NAME=URL…");
  process.exit(2);
}
let expected;
for (const [name, url] of named.map((argument) => argument.split(/=(.*)/s))) {
  const server = await prepare(url);
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(workload(server)));
  const answers = await reads(server);
  const [orders, pages] = ["me", "products"].map((field) => answers.filter((answer) => answer[field]));
  assert(orders.every(({ me }) => me.orders.nodes.length === ORDERS_EACH), `${name}: orders`);
  assert(pages.every(({ products }) => products.nodes.length > 0), `${name}: a search that finds nothing`);
  console.log(`${name}: ${server.products.length} products, ${USERS} customers with ${ORDERS_EACH} orders each`);
  expected ??= answers;
  answers.forEach((answer, index) => assert.deepEqual(answer, expected[index]));
}
if (named.length > 1) console.log(`the same answers to ${expected.length} reads`);
