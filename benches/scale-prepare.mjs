// Prepares a database for the benchmark of placed orders: registers customers and writes what orderwire-mix sends, and
// what scale-check.mjs compares with afterwards:
//   STAFF_PASSWORD=… USERS=64 node scale-prepare.mjs FOLDER URL STAFF_EMAIL
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { body, call, catalogue, forEach, register, signIn } from "./shop.mjs";

const ORDER_BODIES = 5000;
const LINES = 2;
const MOST_UNITS = 3;
// Every run and every server gets the same orders.
const SEED = 7;
const STATE = `{ eventCursor orders(first: 1) { totalCount } }`;

// mulberry32: numbers from 0 to below `below`, always the same ones.
function seeded(seed) {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

// Random products, all different, with 1 to 3 units. The region is given, so that no server looks up the customer's.
function order(products, random) {
  const ids = new Set();
  while (ids.size < LINES) ids.add(products[random(products.length)].id);
  const items = [...ids].map((productId) => ({ productId, quantity: 1 + random(MOST_UNITS) }));
  return { items, region: "United Kingdom", idempotencyKey: "{unique}" };
}

const [folder, url, email] = process.argv.slice(2);
if (!email) {
  console.error("usage: STAFF_PASSWORD=… USERS=64 node scale-prepare.mjs FOLDER URL STAFF_EMAIL");
  process.exit(2);
}
const staff = await signIn(url, email, process.env.STAFF_PASSWORD);
const users = await forEach(
  Array.from({ length: Number(process.env.USERS) }, (_, index) => index),
  (index) => register(url, index),
);
const products = (await catalogue(url)).sort((a, b) => (a.sku < b.sku ? -1 : 1));
const random = seeded(SEED);
const inputs = Array.from({ length: ORDER_BODIES }, () => order(products, random));
const write = (name, value) => writeFileSync(join(folder, `${name}.json`), JSON.stringify(value));
const workload = (bodies, answer) => ({ users, operations: [{ name: "PlaceOrder", share: 1, bodies, answer }] });
const graphql = inputs.map((input) => JSON.stringify(body("PlaceOrder", { input })));
write("orderwire", workload(graphql, '{"data":{"placeOrder":{"userErrors":[],"order":{"id":"'));
write(
  "rest",
  workload(
    inputs.map((input) => JSON.stringify(input)),
    '{"order":{"id":"',
  ),
);

const { eventCursor, orders } = await call(url, staff, { query: STATE });
const stock = products.reduce((sum, product) => sum + product.stock, 0);
assert.ok(products.length > 0 && stock > 0);
write("state", { eventCursor, orders: orders.totalCount, stock });
