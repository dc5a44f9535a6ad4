// Prepares a server for the benchmark of floods: registers a polite customer and two who flood, gives those orders of the
// largest size and tasks, and writes polite.json, the workload of orderwire-mix, and flood.json, what flood.mjs sends:
//   node flood-prepare.mjs FOLDER URL
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { VISITOR, body, call, catalogue, forEach, headers, register } from "./shop.mjs";

const ORDERS = 100; // one page of a list
const LINES = 100; // the most that an order may have
const POLITE_BODIES = 1000;
const ROOTS = 50; // the most fields at the top of an operation
const TASKS = 15; // so many descriptions fit into the body of a request
const DESCRIPTION = 65_536; // the most bytes of a description

const [folder, url] = process.argv.slice(2);
if (!url) {
  console.error("usage: node flood-prepare.mjs FOLDER URL");
  process.exit(2);
}
const numbers = (count) => Array.from({ length: count }, (_, index) => index);
const json = (value) => JSON.stringify(value);

// The n-th order of so many lines.
function order(products, n, lines) {
  const items = numbers(lines).map((line) => ({
    productId: products[(n * 37 + line * 101) % products.length].id,
    quantity: 1,
  }));
  return body("PlaceOrder", { input: { items, idempotencyKey: "{unique}" } });
}

// A description of the largest size, of distinct words.
function description(seed) {
  let text = "";
  for (let n = 0; text.length < DESCRIPTION; n++) text += `${((n * 2654435761 + seed) >>> 0).toString(36)} `;
  return text.slice(0, DESCRIPTION - 1);
}

function describe(tasks, seed) {
  const fields = tasks.map((_, at) => `t${at}: updateTask(input: { id: $i${at}, description: $d }) { userErrors { code } }`);
  const ids = Object.fromEntries(tasks.map((id, at) => [`i${at}`, id]));
  const declared = tasks.map((_, at) => `$i${at}: ID!`).join(" ");
  return {
    query: `mutation ($d: String ${declared}) { ${fields.join(" ")} }`,
    variables: { ...ids, d: description(seed) },
  };
}

const LIST = `{ me { orders(first: ${ORDERS}) { nodes {
  id number total { amount currencyCode }
  items { sku name quantity lineTotal { amount } product { id sku name stock price { amount currencyCode } } }
} } } }`;
const SEARCH = `{ ${numbers(ROOTS)
  .map((n) => `s${n}: products(first: 1, filter: { search: "set" }) { totalCount nodes { id name } }`)
  .join(" ")} }`;
const RESUME = "subscription ($after: EventCursor) { orderUpdates(after: $after) { cursor kind orderId } }";
const CREATES = `mutation { ${numbers(ROOTS)
  .map((n) => `c${n}: createTask(input: { title: "Task ${n}" }) { userErrors { code } }`)
  .join(" ")} }`;
const CREATE = "mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { id } } }";
const LOGIN = "mutation ($input: LoginInput!) { login(input: $input) { userErrors { code } } }";

// What each kind of flood sends: texts of requests, of which each is sent in turn. `enough` results end a subscription.
async function kinds(products, user) {
  const { eventCursor } = await call(url, user, { query: "{ eventCursor }" });
  await forEach(numbers(ORDERS), async (n) => {
    const text = json(order(products, n, LINES)).replace("{unique}", `prepared-${n}`);
    assert.deepEqual((await call(url, user, JSON.parse(text))).placeOrder.userErrors, []);
  });
  const input = (n) => ({ title: `Set ${n} of boxes`, description: "A set of boxes for the set" });
  const created = await forEach(numbers(TASKS), (n) => call(url, user, { query: CREATE, variables: { input: input(n) } }));
  const tasks = created.map(({ createTask }) => createTask.task.id);
  return {
    list: { requests: [json({ query: LIST })] },
    search: { requests: [json({ query: SEARCH })] },
    order: { requests: numbers(50).map((n) => json(order(products, n, LINES))) },
    create: { requests: [json({ query: CREATES })] },
    login: {
      requests: [json({ query: LOGIN, variables: { input: { email: "nobody-{unique}@example.com", password: "wrong password" } } })],
      anonymous: true,
    },
    resume: { requests: [json({ query: RESUME, variables: { after: eventCursor } })], enough: ORDERS },
    mutation: {
      requests: numbers(3).map((n) => json(describe(tasks, n))),
      websocket: numbers(3).map((n) => json(describe(tasks.slice(0, 1), n))),
    },
    small: { requests: [json({ query: "{ __typename }" })] },
  };
}

// The points that a request is charged.
async function cost(client, request) {
  const asked = { ...JSON.parse(request.replaceAll("{unique}", "cost")), extensions: { cost: true } };
  const answer = await fetch(url, { method: "POST", headers: headers(client), body: json(asked) });
  const text = await answer.text();
  const { extensions } = JSON.parse(text);
  assert.ok(extensions?.cost, `no cost of ${request.slice(0, 200)}: ${answer.status} ${text.slice(0, 300)}`);
  return extensions.cost.actualQueryCost;
}

const products = (await catalogue(url)).filter(({ stock }) => stock > 0).sort((a, b) => (a.sku < b.sku ? -1 : 1));
const [polite, ...flooding] = await forEach(numbers(3), (index) => register(url, index));
const operation = (name, bodies, answer) => ({ name, share: 0.5, bodies: bodies.map(json), answer });
const reads = products.map(({ id }) => body("Product", { id }));
const orders = numbers(POLITE_BODIES).map((n) => order(products, n, 3));
const workload = {
  users: [polite],
  operations: [
    operation("product", reads, '{"data":{"product":{"id":"'),
    operation("placeOrder", orders, '{"data":{"placeOrder":{"userErrors":[],"order":{"id":"'),
  ],
};
writeFileSync(join(folder, "polite.json"), json(workload));

// The first of those who flood stays within the limits, the second does not.
const floods = [];
for (const user of flooding) {
  const own = await kinds(products, user);
  for (const kind of Object.values(own)) {
    const of = (requests) => (kind.enough ? 2 : cost(kind.anonymous ? VISITOR : user, requests[0]));
    kind.cost = await of(kind.requests);
    kind.websocket = { requests: kind.websocket ?? kind.requests, cost: kind.websocket ? await of(kind.websocket) : kind.cost };
  }
  floods.push({ user, kinds: own });
}
writeFileSync(join(folder, "flood.json"), json(floods));
const costs = Object.entries(floods[0].kinds).map(([name, kind]) => `${name} ${kind.cost}`);
console.log(`${products.length} products; points of what floods: ${costs.join(", ")}`);
