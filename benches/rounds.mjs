// Prints tables of rounds. A round is a line of JSON.
import { readFileSync } from "node:fs";

const FIRST_WIDTH = 29;

export const readRounds = (file) => readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line));

export function show(value) {
  if (!Number.isFinite(value)) return "-";
  if (value >= 1000 || Number.isInteger(value)) return value.toFixed(0);
  return value.toFixed(value < 10 ? 2 : 1);
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function row(name, cells, titles) {
  const padded = cells.map((cell, i) => cell.padStart(Math.max(8, titles[i].length)));
  console.log([name.padEnd(FIRST_WIDTH), ...padded].join("  "));
}

// Prints the columns [title, key, unit] that any round has, and the medians of names with several rounds; with
// `onlyMedians` only these. Returns the shown columns, and their medians by name.
export function printRounds(rounds, columns, { onlyMedians = false } = {}) {
  const shown = columns.filter(([, key]) => rounds.some((round) => round[key] !== undefined));
  const titles = shown.map(([title]) => title);
  const figures = (round) => shown.map(([, key, unit = 1]) => (round[key] ?? Number.NaN) / unit);
  row("", titles, titles);
  const byName = new Map();
  for (const round of rounds) {
    if (!onlyMedians) row(round.name, figures(round).map(show), titles);
    byName.set(round.name, [...(byName.get(round.name) ?? []), figures(round)]);
  }
  const medians = new Map();
  for (const [name, list] of byName) {
    const middle = shown.map((_, column) => median(list.map((round) => round[column])));
    medians.set(name, middle);
    if (list.length > 1 || onlyMedians) row(`median ${name}`, middle.map(show), titles);
  }
  return { shown, medians };
}

// A column's figure for the rounds of one row: the median, or the sum, of what they have as `key`, in units of `unit`.
export const middle = (key, unit = 1) => (list) => median(list.map((round) => (round[key] ?? Number.NaN) / unit));
export const sum = (key) => (list) => list.reduce((total, round) => total + round[key], 0);

// Prints a Markdown table with a row for each combination of what the rounds have as `cases`. A column is [title, figure].
export function printTable(rounds, cases, columns) {
  const line = (cells) => console.log(`| ${cells.join(" | ")} |`);
  const titles = [...cases, ...columns.map(([title]) => title)];
  line(titles);
  line(titles.map(() => "---"));
  const byCase = new Map();
  for (const round of rounds) {
    const name = cases.map((key) => round[key]).join(" | ");
    byCase.set(name, [...(byCase.get(name) ?? []), round]);
  }
  for (const [name, list] of byCase) line([name, ...columns.map(([, figure]) => show(figure(list)))]);
}

export function printFailures(rounds) {
  for (const { name, firstFailure } of rounds) {
    if (firstFailure) console.log(`${name}: the first that failed: ${firstFailure}`);
  }
}
