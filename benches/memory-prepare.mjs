// Writes read.json, a workload of orderwire-mix that reads a whole database by lists and searches:
//   STAFF_PASSWORD=… node memory-prepare.mjs FOLDER URL STAFF_EMAIL
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { call, signIn } from "./shop.mjs";

const SEARCHES = ["set", "red", "heart", "vintage", "bag", "christmas", "light", "box", "pink", "paper"];
const TEXTS = ["fail", "file", "node", "test", "error"];
// What is read of each entity.
const FIELDS = {
  orders: `id number status region placedAt total { amount currencyCode } customer { id name email region }
    items { sku name quantity unitPrice { amount } lineTotal { amount } product { id sku name description stock tags } }
    history { from to occurredAt } tasks(first: 5) { nodes { id title } }`,
  products: "id sku name description stock status tags price { amount currencyCode }",
  users: "id name email region orders(first: 5) { nodes { id number items { sku name quantity } } }",
  tasks: "id title description status priority createdBy { id name }",
};

const [folder, url, email] = process.argv.slice(2);
if (!email) {
  console.error("usage: STAFF_PASSWORD=… node memory-prepare.mjs FOLDER URL STAFF_EMAIL");
  process.exit(2);
}
const staff = await signIn(url, email, process.env.STAFF_PASSWORD);

// A request for each page of a list.
async function pages(list, size) {
  const [found, variables] = [[], { first: size, after: null }];
  const page = (fields) => `query ($first: Int, $after: String) { ${list}(first: $first, after: $after) { ${fields} } }`;
  for (;;) {
    found.push({ query: page(`nodes { ${FIELDS[list]} } pageInfo { endCursor }`), variables: { ...variables } });
    const { pageInfo } = (await call(url, staff, { query: page("pageInfo { endCursor hasNextPage }"), variables }))[list];
    if (!pageInfo.hasNextPage) return found;
    variables.after = pageInfo.endCursor;
  }
}

const search = (list, words) =>
  words.map((word) => ({
    query: `query ($search: String) { ${list}(first: 100, filter: { search: $search }) { totalCount nodes { ${FIELDS[list]} } } }`,
    variables: { search: word },
  }));
const operation = (name, share, requests) => ({
  name,
  share,
  bodies: requests.map((request) => JSON.stringify(request)),
  answer: '{"data":{"',
});
const operations = [
  operation("orders", 0.5, await pages("orders", 20)),
  operation("products", 0.1, await pages("products", 100)),
  operation("users", 0.1, await pages("users", 50)),
  operation("tasks", 0.1, await pages("tasks", 100)),
  operation("searches", 0.2, [...search("products", SEARCHES), ...search("tasks", TEXTS)]),
];
writeFileSync(join(folder, "read.json"), JSON.stringify({ users: [staff], operations }));
console.log(operations.map(({ name, bodies }) => `${bodies.length} requests for ${name}`).join(", "));
