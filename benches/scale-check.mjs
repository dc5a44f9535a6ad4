// Checks a database after the benchmark of placed orders: every answered order is there, the stock that is gone is that of
// the orders, and the event log has each order once.
//   STAFF_PASSWORD=… node scale-check.mjs FOLDER URL STAFF_EMAIL ROUNDS [log]
// ROUNDS is the file of what orderwire-mix printed about this database; without `log` the log is not read.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { body, call, catalogue, headers, listed, signIn } from "./shop.mjs";
import { readRounds } from "./rounds.mjs";

const PATIENCE_MS = 120_000;
const COUNT = `{ orders(first: 1) { totalCount } }`;
const ORDERS = `query ($after: String) {
  orders(first: 100, after: $after) { nodes { id items { quantity } } pageInfo { hasNextPage endCursor } }
}`;
const UPDATES = `subscription ($after: EventCursor) {
  orderUpdates(after: $after) { kind order { id items { quantity } } }
}`;

const units = ({ items }) => items.reduce((sum, { quantity }) => sum + quantity, 0);

// The answers to a subscription, as server-sent events.
async function* subscribe(url, client, query, variables) {
  const response = await fetch(url, {
    method: "POST",
    headers: { ...headers(client), accept: "text/event-stream" },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  assert.equal(response.status, 200, `${url} answered ${response.status}`);
  let text = "";
  for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
    const events = (text + part).split("\n\n");
    text = events.pop();
    for (const event of events) {
      const [, data] = /^event: next$[^]*?^data: (.*)$/m.exec(event) ?? [];
      if (!data) continue;
      const answer = JSON.parse(data);
      assert.equal(answer.errors, undefined, `${url} answered with errors: ${data.slice(0, 500)}`);
      yield answer.data;
    }
  }
  throw new Error(`${url} ended the subscription`);
}

// The newest `count` orders by id, with their units.
async function newest(url, staff, count) {
  const found = new Map();
  if (count === 0) return found;
  for await (const order of listed(url, staff, ORDERS, (data) => data.orders)) {
    found.set(order.id, units(order));
    if (found.size === count) break;
  }
  return found;
}

// Places an order that marks the end of the log.
async function placeLast(url, folder) {
  const { users } = JSON.parse(readFileSync(join(folder, "orderwire.json"), "utf8"));
  const [{ id: productId }] = await catalogue(url);
  const input = { items: [{ productId, quantity: 1 }], idempotencyKey: "last" };
  const { order, userErrors } = (await call(url, users[0], body("PlaceOrder", { input }))).placeOrder;
  assert.deepEqual(userErrors, []);
  return order.id;
}

// Reads the log from the start of the benchmark up to its last order.
async function checkLog(url, staff, after, placed, last) {
  const logged = new Map();
  for await (const {
    orderUpdates: { kind, order },
  } of subscribe(url, staff, UPDATES, { after })) {
    if (order.id === last) break;
    assert.equal(kind, "CREATED");
    assert.ok(!logged.has(order.id), `${order.id} is in the log twice`);
    logged.set(order.id, units(order));
  }
  const missing = [...placed.keys()].filter((id) => !logged.has(id));
  assert.equal(missing.length, 0, `${missing.length} orders are not in the log, such as ${missing[0]}`);
  assert.deepEqual(logged, new Map([...logged.keys()].map((id) => [id, placed.get(id)])), "the log has other orders");
}

const [folder, url, email, rounds, log] = process.argv.slice(2);
if (!rounds) {
  console.error("usage: STAFF_PASSWORD=… node scale-check.mjs FOLDER URL STAFF_EMAIL ROUNDS [log]");
  process.exit(2);
}
const before = JSON.parse(readFileSync(join(folder, "state.json"), "utf8"));
const staff = await signIn(url, email, process.env.STAFF_PASSWORD);
const asked = readRounds(rounds);
const sum = (key) => asked.reduce((total, round) => total + round[key], 0);
const answered = sum("requests") - sum("refused") - sum("failed");

const count = (await call(url, staff, { query: COUNT })).orders.totalCount - before.orders;
assert.ok(count >= answered, `${answered} orders were answered, but only ${count} are there`);
assert.ok(count <= sum("requests"), `${sum("requests")} orders were asked for, but ${count} are there`);
const placed = await newest(url, staff, count);
assert.equal(placed.size, count);
const ordered = [...placed.values()].reduce((total, quantity) => total + quantity, 0);
const stock = (await catalogue(url)).reduce((total, product) => total + product.stock, 0);
assert.equal(before.stock - stock, ordered, "the stock taken is not that of the orders");
if (log) await checkLog(url, staff, before.eventCursor, placed, await placeLast(url, folder));
console.error(`${count} orders of ${ordered} units, as in the stock${log ? " and the log" : ""}`);
