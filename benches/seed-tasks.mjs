// Makes two tasks for each of the newest 200 orders through the API, so that orders have tasks:
//   TOKEN=… node seed-tasks.mjs http://127.0.0.1:8080/graphql
// TOKEN is a staff member's or an admin's. Orders that have tasks already are skipped.
const ORDERS = 200;
const PAGE_SIZE = 50;
const TITLES = ["Pack order", "Check address of order"];
const PATIENCE_MS = 60_000;

const [url] = process.argv.slice(2);
const { TOKEN } = process.env;
if (!url || !TOKEN) {
  console.error("usage: TOKEN=… node seed-tasks.mjs URL");
  process.exit(2);
}
const deadline = Date.now() + 5 * PATIENCE_MS;

async function call(query, variables) {
  const giveUp = Date.now() + PATIENCE_MS;
  for (;;) {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    const { data, errors } = JSON.parse(text);
    if (!errors) return data;
    const limited = errors.some((error) => error.extensions?.code === "RATE_LIMITED");
    if (!limited || Date.now() > giveUp) throw new Error(`${response.status} ${text.slice(0, 500)}`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

const NEWEST = `query ($first: Int!, $after: String) {
  orders(first: $first, after: $after) {
    nodes { id number tasks(first: 1) { nodes { id } } }
    pageInfo { hasNextPage endCursor }
  }
}`;
const CREATE = `mutation ($input: CreateTaskInput!) {
  createTask(input: $input) { task { id } userErrors { code message } }
}`;

async function newestOrders() {
  const orders = [];
  for (let after = null; ; ) {
    const page = (await call(NEWEST, { first: Math.min(PAGE_SIZE, ORDERS - orders.length), after })).orders;
    orders.push(...page.nodes);
    if (orders.length >= ORDERS || !page.pageInfo.hasNextPage) return orders;
    after = page.pageInfo.endCursor;
  }
}

let made = 0;
for (const order of await newestOrders()) {
  if (order.tasks.nodes.length > 0) continue;
  for (const title of TITLES) {
    if (Date.now() > deadline) throw new Error(`only ${made} tasks made in time`);
    const { createTask } = await call(CREATE, { input: { title: `${title} ${order.number}`, orderId: order.id } });
    if (!createTask.task) throw new Error(JSON.stringify(createTask.userErrors));
    made += 1;
  }
}
console.log(`${made} tasks made`);
