// Prints the rounds of run-scale.sh (file of JSON lines) as a table: node scale-summary.mjs load|idle|latency FILE
import { middle, printFailures, printTable, readRounds, sum } from "./rounds.mjs";

const COLUMNS = {
  load: [
    ["orders/s", middle("answeredPerSecond")],
    ["p50 ms", middle("p50Ms")],
    ["p99 ms", middle("p99Ms")],
    ["server CPU ms/order", middle("serverCpuMicros", 1000)],
    ["mongod CPU ms/order", middle("databaseCpuMicros", 1000)],
    ["generator CPU ms/order", middle("ownCpuMicros", 1000)],
    ["errors", sum("errors")],
  ],
  idle: [["CPU, % of a core", middle("cpuPercent")]],
  latency: [
    ["p50 ms", middle("p50Ms")],
    ["p99 ms", middle("p99Ms")],
    ["orders", sum("placed")],
    ["missing", sum("missing")],
    ["doubled", sum("doubled")],
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
printTable(rounds, CASES[mode], COLUMNS[mode]);
printFailures(rounds);
