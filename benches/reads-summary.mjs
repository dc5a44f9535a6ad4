// Prints the rounds of run-reads.sh (file of JSON lines) as a table: node reads-summary.mjs reads|growth|cold FILE
import { middle, printFailures, printTable, readRounds, sum } from "./rounds.mjs";

const WORKLOADS = {
  product: "product(id)",
  page: "products(first: 50, after)",
  orders: "a customer's 20 orders, lines, products",
  mix: "80 % / 15 % / 5 % mixed",
  embedded: "product(id), embedded store",
  "floor-visitor": "{ __typename }",
  "floor-customer": "{ __typename } with a token",
};
const PER_SECOND = "requestsPerSecond";

const [mode, file] = process.argv.slice(2);
const rounds = readRounds(file);
for (const round of rounds) {
  round.key = round.workload;
  round.workload = WORKLOADS[round.workload];
  round.errors = round.refused + round.failed;
}

// A row's requests/s over those of the REST server in the same workload.
function ofRest(list) {
  const rest = rounds.filter(({ server, key }) => server === "rest" && key === list[0].key);
  return rest.length > 0 ? middle(PER_SECOND)(list) / middle(PER_SECOND)(rest) : Number.NaN;
}

const columns = [
  ["requests/s", middle(PER_SECOND)],
  ...(mode === "reads" ? [["of REST", ofRest]] : []),
  ["p50 ms", middle("p50Ms")],
  ["p99 ms", middle("p99Ms")],
  ["server CPU µs", middle("serverCpuMicros")],
  ["mongod CPU µs", middle("databaseCpuMicros")],
  ["generator CPU µs", middle("ownCpuMicros")],
  ["peak MiB", middle("peakKib", 1024)],
  ["errors", sum("errors")],
];
printTable(rounds, mode === "growth" ? ["orders", "workload"] : ["workload", "server"], columns);
if (rounds.some(({ key }) => key === "mix")) {
  console.log("\nby operation of the mix");
  const operations = rounds
    .filter(({ key }) => key === "mix")
    .flatMap(({ server, operations }) => operations.map((one) => ({ ...one, server, operation: one.name })))
    .filter(({ answered }) => answered > 0);
  printTable(operations, ["server", "operation"], [
    ["answered", sum("answered")],
    ["p50 ms", middle("p50Ms")],
    ["p99 ms", middle("p99Ms")],
  ]);
}
printFailures(rounds);
