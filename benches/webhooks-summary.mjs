// Prints the rounds of run-webhooks.sh (a file of JSON lines): node webhooks-summary.mjs FILE
import { median, middle, readRounds, row, show } from "./rounds.mjs";

const [file] = process.argv.slice(2);
const rounds = readRounds(file);

function table(heading, list, columns) {
  const titles = columns.map(([title]) => title);
  row(heading, titles, titles);
  for (const name of new Set(list.map((round) => round.name))) {
    const own = list.filter((round) => round.name === name);
    row(name, columns.map(([, of]) => show(of(own))), titles);
  }
  console.log();
}

// How much another figure of the same round differs from that of the round's orders without webhooks, in per cent.
function compared(list, key) {
  return (own) => {
    const without = (round) => list.find((one) => one.name === "no webhooks" && one.round === round.round);
    return median(own.map((round) => (round[key] / without(round)[key] - 1) * 100));
  };
}

for (const engine of new Set(rounds.map((round) => round.engine))) {
  const of = (part) => rounds.filter((round) => round.engine === engine && round.part === part);
  for (const [part, title] of [["busy", "8 buyers, as fast as it goes"], ["calm", "160 orders/s"], ["brokers", "25 orders/s, brokers with the webhooks of each order"]]) {
    const list = of(part);
    if (list.length === 0) continue;
    table(`${engine}: ${title}`, list, [
      ["orders/s", middle("answeredPerSecond")],
      ["+ %", compared(list, "answeredPerSecond")],
      ["p50 ms", middle("p50Ms")],
      ["+ %", compared(list, "p50Ms")],
      ["p99 ms", middle("p99Ms")],
      ["server us", middle("serverCpuMicros")],
      ["mongod us", middle("databaseCpuMicros")],
    ]);
  }
  if (of("relays").length > 0) {
    table(`${engine}: relayed`, of("relays"), [
      ["events", middle("events")],
      ["events/s", middle("perSecond")],
    ]);
  }
  const deliveries = [...of("lag"), ...of("backlog")];
  if (deliveries.length === 0) continue;
  table(`${engine}: deliveries`, deliveries, [
    ["sent/s", middle("perSecond")],
    ["lag p50", middle("p50Ms")],
    ["p99 ms", middle("p99Ms")],
    ["missing", (own) => Math.max(...own.map((round) => round.wanted - round.deliveries))],
  ]);
}
