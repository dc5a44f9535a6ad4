// Checks that Orderwire and the peer answer the nested query alike, and writes the request's body for the load:
//   ORDERWIRE_URL=… ORDERWIRE_TOKEN=… PEER_URL=… node nested-check.mjs BODY_FILE
// Without ORDERWIRE_URL it only checks that the peer's answer is complete.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";

const FIRST = 20;
const { ORDERWIRE_URL, ORDERWIRE_TOKEN, PEER_URL } = process.env;
const query = readFileSync(new URL("nested-query.graphql", import.meta.url), "utf8").replace(/\s+/g, " ").trim();
const body = JSON.stringify({ operationName: "NewestOrders", query, variables: { first: FIRST } });

async function answer(name, url, token) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(10_000) });
  const text = await response.text();
  assert.equal(response.status, 200, `${name} answered ${response.status}: ${text.slice(0, 300)}`);
  const { data, errors } = JSON.parse(text);
  assert.equal(errors, undefined, `${name} answered with errors: ${text.slice(0, 300)}`);
  const { nodes } = data.orders;
  const items = nodes.flatMap((order) => order.items);
  const tasks = nodes.flatMap((order) => order.tasks.nodes);
  assert.equal(nodes.length, FIRST, `${name}: orders`);
  assert(items.every((item) => item.product), `${name}: an item without its product`);
  assert(tasks.length > 0, `${name}: no tasks; see seed-tasks.mjs`);
  console.log(`${name}: ${nodes.length} orders, ${items.length} items, ${tasks.length} tasks, ${text.length} characters`);
  return comparable(data);
}

// Ids and cursors differ between servers, and so does the order of entities of the same time.
function comparable(data) {
  const sameIds = (key, value) => (key === "id" || key === "endCursor" ? typeof value : value);
  const copy = JSON.parse(JSON.stringify(data, sameIds));
  const by = (field) => (a, b) => (a[field] < b[field] ? -1 : 1);
  copy.orders.nodes.sort(by("number"));
  for (const order of copy.orders.nodes) order.tasks.nodes.sort(by("title"));
  return copy;
}

const peer = await answer("peer", PEER_URL);
if (ORDERWIRE_URL) {
  assert.deepEqual(await answer("orderwire", ORDERWIRE_URL, ORDERWIRE_TOKEN), peer, "the answers differ");
  console.log("both answers are the same");
}
writeFileSync(process.argv[2], body);
