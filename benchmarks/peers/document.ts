import { readFileSync, writeFileSync } from "node:fs";
import { geometricMeans, rowsOf, type Summary, short } from "./summary.ts";

/** The table as Markdown, with the machine, the versions and the date. */
export function markdownTable(summary: Summary): string {
  const { peers, machine, versions, threads, date } = summary;
  const rows = rowsOf(summary);
  const own = peers.findIndex(({ name }) => name === "amari");
  const others = peers.map((peer, i) => ({ ...peer, i })).filter(({ i }) => i !== own);
  const withGoals = threads === 1;
  const head = [
    "milliseconds",
    ...peers.map(({ title }) => title),
    ...(withGoals ? ["goal", "reached"] : []),
  ];
  const verdict = (time: number | null | undefined, goal: number | undefined): string[] => {
    if (goal === undefined || time == null) return ["", ""];
    return [short(goal), time <= goal ? "yes" : `no, ${short(time / goal)} times`];
  };
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const means = geometricMeans(rows);
  const meanOf = (i: number): string =>
    means[i] == null ? "x" : `${short(means[i].mean)} of ${means[i].count}`;
  return [
    `${machine.processor}, ${machine.cores} cores, ${machine.system}; ${date}; ` +
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(", "),
    "",
    line(head),
    `|---|${"---:|".repeat(head.length - 1)}`,
    ...rows.map(({ workload, times, goal }) =>
      line([workload, ...times.map(short), ...(withGoals ? verdict(times[own], goal) : [])]),
    ),
    line([
      "geometric mean of peer / amari",
      ...peers.map((_, i) => (i === own || others.length === 0 ? "" : meanOf(i))),
      ...(withGoals ? ["", ""] : []),
    ]),
  ].join("\n");
}

/** Replaces what stands in a document between `<!-- begin name -->` and `<!-- end name -->`. */
export function writeBetweenMarks(file: string, name: string, content: string): void {
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
  const text = readFileSync(file, "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file} has no place marked ${begin} ... ${end}`);
  writeFileSync(file, `${text.slice(0, from + begin.length)}\n${content}\n${text.slice(to)}`);
}
