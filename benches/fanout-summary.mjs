// Prints the rounds of run-fanout.sh (file of JSON lines), the medians of servers with several rounds, and how each
// server compares.
import { printRounds, readRounds, row, show } from "./rounds.mjs";

const COLUMNS = [
  ["sockets", "sockets"],
  ["deliveries/s", "deliveriesPerSecond"],
  ["missing", "missing"],
  ["doubled", "doubled"],
  ["alive", "alive"],
  ["closed", "closed"],
  ["p50 ms", "p50Ms"],
  ["p90 ms", "p90Ms"],
  ["p99 ms", "p99Ms"],
  ["max ms", "maxMs"],
  ["CPU µs each", "serverCpuMicrosPerDelivery"],
  ["generator's", "ownCpuMicrosPerDelivery"],
  ["KiB/socket", "kibPerSocket"],
  ["start MiB", "rssBeforeKib", 1024],
  ["end MiB", "rssEndKib", 1024],
];
const OURS = /^orderwire\b/;

const rounds = readRounds(process.argv[2]);
const { shown, medians } = printRounds(rounds, COLUMNS);
const titles = shown.map(([title]) => title);
// "orderwire, 10" compares with "apollo, 10".
for (const [name, peer] of medians) {
  const ours = medians.get(name.replace(/^\w+/, "orderwire"));
  const ratio = ([, key], column) => (key === "sockets" ? "" : show(ours[column] / peer[column]));
  if (ours && !OURS.test(name)) row(`orderwire / ${name}`, shown.map(ratio), titles);
}

for (const round of rounds) {
  for (const [key, what] of [
    ["firstFailure", "orders failed, the first"],
    ["firstLoss", "sockets or subscriptions ended, the first"],
  ]) {
    if (round[key]) console.log(`${round.name}: ${what}: ${round[key]}`);
  }
  for (const key of ["eventsSkipped", "stray", "unexpected"]) {
    if (round[key]) console.log(`${round.name}: ${round[key]} ${key}`);
  }
}
