// Prints the rounds of run-mix.sh (file of JSON lines): node mix-summary.mjs load|flood FILE
import { median, printRounds, readRounds, row, show } from "./rounds.mjs";

const LATENCY = [
  ["p50 ms", "p50Ms"],
  ["p95 ms", "p95Ms"],
  ["p99 ms", "p99Ms"],
  ["max ms", "maxMs"],
];
const COLUMNS = [
  ["req/s", "requestsPerSecond"],
  ...LATENCY,
  ["errors %", "errorPercent"],
  ["refused", "refused"],
  ["failed", "failed"],
  ["CPU s/1000", "serverCpuPerThousand"],
  ["mongod CPU s/1000", "databaseCpuPerThousand"],
  ["peak MiB", "peakKib", 1024],
  ["generator % of a core", "ownCpuPercent"],
];
const COUNTS = new Set(["errorPercent", "refused", "failed"]);

const [mode, file] = process.argv.slice(2);
const rounds = readRounds(file);
const { shown, medians } = printRounds(rounds, COLUMNS);
const [ours, peer] = ["orderwire", "apollo"].map((name) => medians.get(name));
if (ours && peer) {
  const ratio = ([, key], column) => (COUNTS.has(key) ? "" : show(ours[column] / peer[column]));
  const titles = shown.map(([title]) => title);
  row("orderwire / apollo", shown.map(ratio), titles);
}
if (mode === "load") {
  console.log("\nby operation");
  const operations = rounds.flatMap((round) =>
    round.operations.map((operation) => ({ ...operation, name: `${round.name} ${operation.name}` })),
  );
  printRounds(operations, [["answered", "answered"], ...LATENCY], { onlyMedians: true });
} else {
  const p99 = (wanted) => rounds.filter(({ name }) => name === wanted).map((round) => round.p99Ms);
  const calm = p99("polite, calm");
  const ratios = p99("polite, flooded").map((flooded, round) => flooded / calm[round]);
  console.log(`\np99 of the polite client, flooded / calm, median of the rounds: ${median(ratios).toFixed(2)}`);
}
for (const { name, firstFailure } of rounds) {
  if (firstFailure) console.log(`${name}: the first that failed: ${firstFailure}`);
}
