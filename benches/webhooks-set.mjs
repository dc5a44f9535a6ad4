// Replaces all webhooks of a server by 20 that are sent events of one kind, each with a path of its own:
//   ADMIN_PASSWORD=… node webhooks-set.mjs URL ADMIN_EMAIL PORT none|KIND [AFTER]
// Prints where the event log stands. With AFTER, a cursor, they are sent what has happened since.
import assert from "node:assert/strict";

import { call, forEach, signIn } from "./shop.mjs";

const COUNT = 20;
const LIST = "{ eventCursor webhooks(first: 100) { nodes { id } } }";
const DELETE = "mutation ($id: ID!) { deleteWebhook(input: { id: $id }) { userErrors { message } } }";
const CREATE = "mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { userErrors { message } } }";

const [url, email, port, kind, after] = process.argv.slice(2);
if (!kind) {
  console.error("usage: ADMIN_PASSWORD=… node webhooks-set.mjs URL ADMIN_EMAIL PORT none|KIND [AFTER]");
  process.exit(2);
}
const admin = await signIn(url, email, process.env.ADMIN_PASSWORD);
const { webhooks, eventCursor } = await call(url, admin, { query: LIST });
for (const { id } of webhooks.nodes) {
  const { deleteWebhook } = await call(url, admin, { query: DELETE, variables: { id } });
  assert.deepEqual(deleteWebhook.userErrors, []);
}
if (kind !== "none") {
  await forEach(Array.from({ length: COUNT }), async (_, path) => {
    const input = { url: `http://127.0.0.1:${port}/${path}`, kinds: [kind], after };
    const { createWebhook } = await call(url, admin, { query: CREATE, variables: { input } });
    assert.deepEqual(createWebhook.userErrors, []);
  });
}
console.log(eventCursor);
