// Prints the rounds of run-fanout.sh (file of JSON lines), the medians of what has several, and how each server compares.
import { readFileSync } from "node:fs";

const COLUMNS = [
  ["sockets", "sockets"],
  ["deliveries/s", "deliveriesPerSecond"],
  ["missing", "missing"],
  ["doubled", "doubled"],
  ["alive", "alive"],
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
const FIRST_WIDTH = 22;
const OURS = /^orderwire\b/;

const rounds = readFileSync(process.argv[2], "utf8").trim().split("\n").map((line) => JSON.parse(line));
const shown = COLUMNS.filter(([, key]) => rounds.some((round) => round[key] !== undefined));

const row = (name, cells) =>
  console.log([name.padEnd(FIRST_WIDTH), ...cells.map((cell, i) => cell.padStart(Math.max(8, shown[i][0].length)))].join("  "));
const show = (value) =>
  !Number.isFinite(value) ? "-" : value >= 1000 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(value < 10 ? 2 : 1);
const figures = (round) => shown.map(([, key, unit = 1]) => (round[key] ?? Number.NaN) / unit);

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

row("", shown.map(([title]) => title));
const byName = new Map();
for (const round of rounds) {
  row(round.name, figures(round).map(show));
  byName.set(round.name, [...(byName.get(round.name) ?? []), figures(round)]);
}
const medians = new Map();
for (const [name, list] of byName) {
  const middle = shown.map((_, column) => median(list.map((round) => round[column])));
  medians.set(name, middle);
  if (list.length > 1) row(`median ${name}`, middle.map(show));
}
// "orderwire, 10" compares with "apollo, 10".
for (const [name, peer] of medians) {
  const ours = medians.get(name.replace(/^\w+/, "orderwire"));
  if (ours && !OURS.test(name)) row(`orderwire / ${name}`, shown.map(([, key], column) => (key === "sockets" ? "" : show(ours[column] / peer[column]))));
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
