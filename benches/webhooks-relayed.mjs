// Waits until both brokers have got what was left of the event log, and prints how fast each got it, a line of JSON each:
//   node webhooks-relayed.mjs METRICS_PORT
import { setTimeout as sleep } from "node:timers/promises";

const [port] = process.argv.slice(2);
const DEADLINE = performance.now() + 120_000;
const relays = new Map(["rabbitmq", "kafka"].map((name) => [name, { first: 0, last: 0, events: 0, lag: Infinity }]));

function value(text, name, relay) {
  const line = text.split("\n").find((line) => line.startsWith(`${name}{`) && line.includes(`"${relay}"`));
  return line ? Number(line.slice(line.lastIndexOf(" ") + 1)) : undefined;
}

while ([...relays.values()].some(({ lag, events }) => lag > 0 || events === 0)) {
  if (performance.now() > DEADLINE) throw new Error(`not relayed: ${JSON.stringify([...relays])}`);
  const text = await fetch(`http://127.0.0.1:${port}/metrics`).then((answer) => answer.text(), () => "");
  const now = performance.now();
  for (const [name, relay] of relays) {
    relay.lag = value(text, "orderwire_consumer_lag_events", name) ?? Infinity;
    const events = value(text, "orderwire_consumer_events_total", name) ?? 0;
    // From the last time that none was counted.
    if (events === 0) relay.first = now;
    if (events > relay.events) Object.assign(relay, { events, last: now });
  }
  await sleep(20);
}
for (const [name, { first, last, events }] of relays) {
  console.log(JSON.stringify({ name, events, perSecond: (events * 1000) / (last - first) }));
}
