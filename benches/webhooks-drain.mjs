// Waits until the receivers of the benchmark of webhooks have got as many deliveries, and prints how it went as JSON:
//   node webhooks-drain.mjs PORT DELIVERIES SECONDS
import { setTimeout as sleep } from "node:timers/promises";

const [port, wanted, seconds] = process.argv.slice(2).map(Number);
const deadline = performance.now() + seconds * 1000;
const begun = performance.now();
let deliveries = 0;
let took = 0;
while (deliveries < wanted && performance.now() < deadline) {
  await sleep(100);
  const tally = await (await fetch(`http://127.0.0.1:${port}/`)).json();
  deliveries += tally.deliveries;
  if (tally.deliveries > 0) took = (performance.now() - begun) / 1000;
}
console.log(JSON.stringify({ wanted, deliveries, perSecond: deliveries / took }));
