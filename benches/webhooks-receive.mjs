// The receivers of the benchmark of webhooks: one server that takes whatever is posted to it.
//   node webhooks-receive.mjs PORT
// GET / answers with what has come since the last GET /: deliveries, the seconds from the first to the last one, and the
// milliseconds from the time stamps of their events to their arrival.
import http from "node:http";

const [port] = process.argv.slice(2);
let [lags, first, last] = [[], 0, 0];

const OCCURRED_AT = '"occurredAt":"';

function take(text) {
  const now = performance.now();
  if (lags.length === 0) first = now;
  last = now;
  // Faster than to parse all of it. The event's own time comes last of those that its entity has.
  const at = text.lastIndexOf(OCCURRED_AT) + OCCURRED_AT.length;
  lags.push(Date.now() - Date.parse(text.slice(at, text.indexOf('"', at))));
}

function tally() {
  const sorted = lags.sort((a, b) => a - b);
  const quantile = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  const { user, system } = process.cpuUsage();
  const found = { deliveries: sorted.length, seconds: (last - first) / 1000, p50Ms: quantile(0.5), p99Ms: quantile(0.99), cpuMicros: user + system };
  lags = [];
  return found;
}

http
  .createServer((request, response) => {
    if (request.method === "GET") return response.end(JSON.stringify(tally()));
    let text = "";
    request.setEncoding("utf8");
    request.on("data", (chunk) => (text += chunk));
    request.on("end", () => {
      take(text);
      response.writeHead(204).end();
    });
  })
  .listen(Number(port), "127.0.0.1");
