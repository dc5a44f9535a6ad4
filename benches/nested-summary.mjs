// Prints the rounds of nested-query.sh (file of tab-separated lines) and their medians.
import { readFileSync } from "node:fs";

const COLUMNS = ["req/s", "p50 ms", "p99 ms", "CPU s/1000", "mongod CPU s/1000", "peak RSS MiB", "bytes", "failed"];
const rounds = readFileSync(process.argv[2], "utf8").trim().split("\n").map((line) => line.split("\t"));

const row = (name, cells) => console.log([name.padEnd(18), ...cells.map((cell, i) => cell.padStart(COLUMNS[i].length))].join("  "));
const show = (value) => (value === undefined || Number.isNaN(value) ? "-" : value >= 1000 ? value.toFixed(0) : value.toFixed(value < 10 ? 2 : 1));

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

row("", COLUMNS);
const byServer = Map.groupBy
  ? Map.groupBy(rounds, ([server]) => server)
  : rounds.reduce((map, round) => map.set(round[0], [...(map.get(round[0]) ?? []), round]), new Map());
for (const [server, ...cells] of rounds) row(server, cells.map((cell) => show(Number.parseFloat(cell))));
const medians = new Map();
for (const [server, list] of byServer) {
  medians.set(server, COLUMNS.map((_, column) => median(list.map((round) => Number.parseFloat(round[column + 1])))));
  row(`median ${server}`, medians.get(server).map(show));
}
if (medians.size === 2) {
  const [orderwire, peer] = [medians.get("orderwire"), medians.get("peer")];
  row("ratio", COLUMNS.map((_, column) => show(orderwire[column] / peer[column])));
  const ratios = byServer.get("orderwire").map((round, i) => round[1] / byServer.get("peer")[i][1]);
  console.log(`\norderwire / peer, requests per second, median of the rounds: ${median(ratios).toFixed(2)}`);
}
