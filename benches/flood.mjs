// Floods a server with one kind of operation of one user, from one address, and prints what became of it as JSON:
//   node flood.mjs FOLDER URL KIND http|websocket allowed|past SECONDS ADDRESS
// `allowed` sends on a clock as fast as the limits refill, `past` a request whenever fewer than 64 are under way.
import { readFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";

import { headers } from "./shop.mjs";

const IN_FLIGHT = 64; // the most operations of a socket
const POINTS_PER_MS = { customer: 20, anonymous: 10 };
const REQUESTS_PER_MS = 0.19; // just below the limit of 2,000 in 10 s

const [folder, url, name, transport, mode, seconds, address] = process.argv.slice(2);
const { user, kinds } = JSON.parse(readFileSync(join(folder, "flood.json")))[mode === "allowed" ? 0 : 1];
const kind = kinds[name];
const client = kind.anonymous ? { address } : { ...user, address };
const { requests, cost } = transport === "http" ? kind : kind.websocket;
const tally = { kind: name, transport, mode, sent: 0, answered: 0, refused: 0, failed: 0, bytes: 0 };
let underWay = 0;

const next = () => requests[tally.sent % requests.length].replace("{unique}", `${process.pid}-${Date.now()}-${tally.sent}`);

// What an answer or the errors of one say.
function ended(text, size = text.length) {
  underWay -= 1;
  tally.bytes += size;
  if (text.includes('"RATE_LIMITED"')) tally.refused += 1;
  else if (text.includes('"errors"')) {
    tally.failed += 1;
    tally.firstFailure ??= text.slice(0, 300);
  } else tally.answered += 1;
}

const target = new URL(url);
const agent = new http.Agent({ keepAlive: true, maxSockets: IN_FLIGHT });

function sendHttp(done) {
  const accept = kind.enough ? "text/event-stream" : "application/json";
  const request = http.request(target, { method: "POST", agent, headers: { ...headers(client), accept } }, (response) => {
    let [text, size, results] = ["", 0, 0];
    response.setEncoding("latin1");
    response.on("data", (chunk) => {
      if (size < 4096) text += chunk.slice(0, 4096);
      size += chunk.length;
      if (kind.enough) results += chunk.split("event: next").length - 1;
      if (kind.enough && results >= kind.enough) request.destroy();
    });
    response.on("close", () => {
      ended(text, size);
      done();
    });
    response.on("error", () => {});
  });
  request.on("error", (error) => {
    if (request.destroyed && request.res) return;
    ended(`"errors": ${error}`);
    done();
  });
  request.end(next());
}

function openSocket() {
  const { promise, resolve, reject } = Promise.withResolvers?.() ?? deferred();
  const protocols = ["graphql-transport-ws"];
  const socket = new WebSocket(url.replace(/^http/, "ws"), { protocols, headers: { "x-forwarded-for": address } });
  const running = new Map();
  const finish = (id, text) => {
    if (!running.has(id)) return;
    const { done } = running.get(id);
    running.delete(id);
    ended(text);
    done();
  };
  socket.onopen = () => {
    const payload = client.token ? { authorization: `Bearer ${client.token}` } : {};
    socket.send(JSON.stringify({ type: "connection_init", payload }));
  };
  socket.onmessage = ({ data }) => {
    const type = /"type":"(\w+)"/.exec(data.slice(0, 200))?.[1] ?? /"type":"(\w+)"/.exec(data)?.[1];
    if (type === "connection_ack") return resolve(send);
    if (type === "ping") return socket.send('{"type":"pong"}');
    const id = /"id":"(\d+)"/.exec(data.slice(0, 200))?.[1];
    if (type === "error") return finish(id, `"errors" ${data.slice(0, 500)}`);
    if (type === "complete") return finish(id, "");
    const operation = running.get(id);
    if (type !== "next" || !operation) return;
    tally.bytes += data.length;
    operation.results += 1;
    // A query is over with its result; a subscription is left when it has enough.
    if (!kind.enough) finish(id, data.slice(0, 4096));
    else if (operation.results >= kind.enough) {
      socket.send(JSON.stringify({ id, type: "complete" }));
      finish(id, "");
    }
  };
  socket.onerror = () => reject(new Error("the socket failed"));
  socket.onclose = ({ code, reason }) => {
    if (over) return;
    console.error(`the socket was closed: ${code} ${reason}`);
    process.exit(1);
  };
  const send = (done) => {
    const id = String(tally.sent);
    running.set(id, { results: 0, done });
    socket.send(`{"id":"${id}","type":"subscribe","payload":${next()}}`);
  };
  return promise;
}

function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}

let over = false;
const send = transport === "http" ? sendHttp : await openSocket();
const begun = performance.now();
const perMs = POINTS_PER_MS[kind.anonymous ? "anonymous" : "customer"];
const every = Math.max(cost / perMs, 1 / REQUESTS_PER_MS);

function fill() {
  if (over) return;
  const due = mode === "allowed" ? Math.floor((performance.now() - begun) / every) + 1 - tally.sent : IN_FLIGHT;
  for (let n = 0; n < due && underWay < IN_FLIGHT; n++) {
    underWay += 1;
    send(() => mode === "past" && setImmediate(fill));
    tally.sent += 1;
  }
}
const clock = setInterval(fill, 1);
fill();
const cpu = process.cpuUsage();
setTimeout(() => {
  over = true;
  clearInterval(clock);
  const took = (performance.now() - begun) / 1000;
  const { user: own, system } = process.cpuUsage(cpu);
  const allowed = Math.min(1000 / every, 1000 * REQUESTS_PER_MS);
  console.log(JSON.stringify({ ...tally, seconds: took, cost, allowedPerSecond: allowed, ownCpuPercent: (own + system) / took / 1e4 }));
  process.exit(0);
}, Number(seconds) * 1000);
