// A shop's API as the benchmarks use it before and after they measure.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { readFileSync } from "node:fs";

const AT_ONCE = 8;
const REGISTER = `mutation ($input: RegisterInput!) {
  register(input: $input) { session { accessToken } userErrors { code message } }
}`;
const LOGIN = `mutation ($input: LoginInput!) {
  login(input: $input) { session { accessToken } userErrors { code message } }
}`;
const CATALOGUE = `query ($after: String) {
  products(first: 100, after: $after, orderBy: { field: NAME, direction: ASC }) {
    nodes { id sku stock }
    pageInfo { hasNextPage endCursor }
  }
}`;

const operations = Object.fromEntries(
  readFileSync(new URL("shop.graphql", import.meta.url), "utf8")
    .split(/\n\n(?=query|mutation)/)
    .map((document) => [/\w+ (\w+)/.exec(document)[1], document.replace(/\s+/g, " ").trim()]),
);

// The request of an operation of shop.graphql.
export const body = (operationName, variables) => ({ operationName, query: operations[operationName], variables });

// A client's address and, if it is signed in, its token.
export const VISITOR = { address: "198.18.255.1" };

export function headers({ token, address }) {
  const authorization = token && { authorization: `Bearer ${token}` };
  return { "content-type": "application/json", "x-forwarded-for": address, ...authorization };
}

// The data of the answer. While the client's limit is used up, it waits as the server says.
export async function call(url, client, request) {
  const response = await fetch(url, {
    method: "POST",
    headers: headers(client),
    body: JSON.stringify(request),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  if (response.status === 429) {
    await sleep(Number(response.headers.get("retry-after")) * 1000);
    return call(url, client, request);
  }
  assert.equal(response.status, 200, `${url} answered ${response.status}: ${text.slice(0, 500)}`);
  const { data, errors } = JSON.parse(text);
  assert.equal(errors, undefined, `${url} answered with errors: ${text.slice(0, 500)}`);
  return data;
}

// Runs `task` for each item, a few at a time, and returns the results in order.
export async function forEach(items, task) {
  const results = [];
  let next = 0;
  const work = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await task(items[index], index);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}

// The nodes of a list of 100 a page: `query` takes `$after`, and `list` finds the list in its data.
export async function* listed(url, client, query, list) {
  for (let after = null; ; ) {
    const { nodes, pageInfo } = list(await call(url, client, { query, variables: { after } }));
    yield* nodes;
    if (!pageInfo.hasNextPage) return;
    after = pageInfo.endCursor;
  }
}

// All products, with id, SKU and stock.
export async function catalogue(url) {
  const found = [];
  for await (const product of listed(url, VISITOR, CATALOGUE, (data) => data.products)) found.push(product);
  return found;
}

// Registers the index-th customer and returns them as a client with an address of their own.
export async function register(url, index) {
  const address = `198.18.${index >> 8}.${index & 255}`;
  const input = {
    email: `shopper-${index}@example.com`,
    password: `${Math.random()} ${index}`,
    name: `Customer ${index}`,
    region: "United Kingdom",
  };
  const { session, userErrors } = (await call(url, { address }, { query: REGISTER, variables: { input } })).register;
  assert.deepEqual(userErrors, []);
  return { token: session.accessToken, address };
}

export async function signIn(url, email, password) {
  const variables = { input: { email, password } };
  const { session, userErrors } = (await call(url, VISITOR, { query: LOGIN, variables })).login;
  assert.deepEqual(userErrors, []);
  return { token: session.accessToken, address: VISITOR.address };
}
