// Prints the rounds of run-flood.sh (a file of JSON lines): node flood-summary.mjs FILE
import { median, readRounds, row, show } from "./rounds.mjs";

const GOALS = { allowed: 3, past: 2 }; // how many times its calm value the p99 of the polite user may be
const OPERATIONS = ["product", "placeOrder"];

const [file] = process.argv.slice(2);
const rounds = readRounds(file);
const titles = [
  ...["sent/s", "answered/s", "refused/s", "flood CPU %", "stolen %"],
  ...OPERATIONS.flatMap((name) => [`${name} p50`, "p99 ms", "ratio"]),
  "goal",
];
const figure = (round, name, key) => round.polite.operations.find((operation) => operation.name === name)[key];
const middle = (list, of) => median(list.map(of).filter(Number.isFinite));

for (const engine of new Set(rounds.map((round) => round.engine))) {
  const own = rounds.filter((round) => round.engine === engine);
  const calm = own.filter((round) => !round.flood);
  const calmly = Object.fromEntries(OPERATIONS.map((name) => [name, middle(calm, (round) => figure(round, name, "p99Ms"))]));
  const politely = (list) =>
    OPERATIONS.flatMap((name) => {
      const [p50, p99] = ["p50Ms", "p99Ms"].map((key) => middle(list, (round) => figure(round, name, key)));
      return [p50, p99, p99 / calmly[name]];
    });
  row(engine, titles, titles);
  const stolen = (list) => middle(list, (round) => round.polite.stolenPercent);
  row(`calm, ${calm.length} rounds`, ["", "", "", "", show(stolen(calm)), ...politely(calm).map(show), ""], titles);
  for (const name of OPERATIONS) {
    const sorted = calm.map((round) => figure(round, name, "p99Ms")).sort((a, b) => a - b);
    console.log(`  calm p99 of ${name}: ${show(sorted[0])} to ${show(sorted.at(-1))} ms`);
  }
  const label = ({ flood }) => `${flood.mode}: ${flood.kind}, ${flood.transport}`;
  const floods = own.filter((round) => round.flood);
  for (const name of new Set(floods.map(label))) {
    const list = floods.filter((round) => label(round) === name);
    const [{ flood }] = list;
    const rates = ["sent", "answered", "refused"].map((key) => middle(list, (round) => round.flood[key] / round.flood.seconds));
    const figures = politely(list);
    const missed = [figures[2], figures[5]].some((ratio) => !(ratio <= GOALS[flood.mode]));
    const goal = `${GOALS[flood.mode]}${missed ? ", missed" : ""}`;
    const cpu = [middle(list, (round) => round.flood.ownCpuPercent), stolen(list)];
    row(name, [...rates, ...cpu, ...figures].map(show).concat(goal), titles);
  }
  for (const { flood, polite } of own) {
    if (polite.failed + polite.refused > 0) console.log(`  the polite user: ${polite.firstFailure}`);
    if (flood?.firstFailure) console.log(`  ${flood.kind}, ${flood.transport}: the first that failed: ${flood.firstFailure}`);
  }
  console.log();
}
