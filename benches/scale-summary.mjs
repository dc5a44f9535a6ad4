// Prints the rounds of run-scale.sh (file of JSON lines) as a table: node scale-summary.mjs load|idle|latency FILE
import { median, readRounds, show } from "./rounds.mjs";

// Title, key of the figure, whether it is added up over the rounds; otherwise the median counts.
const COLUMNS = {
  load: [
    ["orders/s", "answeredPerSecond"],
    ["p50 ms", "p50Ms"],
    ["p99 ms", "p99Ms"],
    ["server CPU ms/order", "serverCpuPerThousand"],
    ["mongod CPU ms/order", "databaseCpuPerThousand"],
    ["generator CPU ms/order", "ownCpuPerThousand"],
    ["errors", "errors", true],
  ],
  idle: [["CPU, % of a core", "cpuPercent"]],
  latency: [
    ["p50 ms", "p50Ms"],
    ["p99 ms", "p99Ms"],
    ["orders", "placed", true],
    ["missing", "missing", true],
    ["doubled", "doubled", true],
  ],
};
const CASES = {
  load: ["build", "nodes", "buyers"],
  idle: ["build", "nodes", "node"],
  latency: ["build", "subscriber"],
};

const [mode, file] = process.argv.slice(2);
const rounds = readRounds(file);
for (const round of rounds) round.errors = round.refused + round.failed;
const byCase = new Map();
for (const round of rounds) byCase.set(keyOf(round), [...(byCase.get(keyOf(round)) ?? []), round]);

function keyOf(round) {
  return CASES[mode].map((key) => round[key]).join(" | ");
}

function figure(list, [, key, isSum]) {
  const values = list.map((round) => round[key] ?? Number.NaN);
  return isSum ? values.reduce((sum, value) => sum + value, 0) : median(values);
}

const line = (cells) => console.log(`| ${cells.join(" | ")} |`);
const columns = COLUMNS[mode];
line([...CASES[mode], ...columns.map(([title]) => title)]);
line([...CASES[mode], ...columns].map(() => "---"));
for (const [key, list] of byCase) line([key, ...columns.map((column) => show(figure(list, column)))]);
for (const { firstFailure } of rounds) {
  if (firstFailure) console.log(`the first failure of a round: ${firstFailure}`);
}
