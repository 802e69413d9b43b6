import CliTable from "cli-table3";
import { goals } from "./goals.ts";
import type { PeerName } from "./peers.ts";
import type { Result } from "./run.ts";

/** Everything that one run of the command found out; the JSON file. */
export interface Summary {
  readonly date: string;
  readonly machine: { readonly processor: string; readonly cores: number; readonly system: string };
  readonly versions: Readonly<Record<string, string>>;
  readonly threads: number;
  readonly rounds: number;
  readonly peers: readonly { readonly name: PeerName; readonly title: string }[];
  readonly results: readonly Result[];
}

/** A row of the table: the time of each peer, and how many times amari's it is. */
export interface Row {
  readonly workload: string;
  readonly goal: number | undefined;
  readonly times: readonly (number | null)[];
  readonly ratios: readonly (number | null)[];
}

/** The results by workload, in the order of the peers. */
export function rowsOf({ peers, results }: Summary): Row[] {
  const names = [...new Set(results.map(({ workload }) => workload))];
  return names.map((workload) => {
    const timeOf = (name: PeerName): number | null =>
      results.find((each) => each.workload === workload && each.peer === name)?.time ?? null;
    const own = timeOf("amari");
    const times = peers.map(({ name }) => timeOf(name));
    const ratios = times.map((time) => (time === null || own === null ? null : time / own));
    return { workload, goal: goals[workload], times, ratios };
  });
}

/** For each peer the geometric mean of its ratios, over the workloads that both can do. */
export function geometricMeans(rows: readonly Row[]): ({ mean: number; count: number } | null)[] {
  return (rows[0]?.ratios ?? []).map((_, peer) => {
    const logs = rows.flatMap(({ ratios }) => (ratios[peer] == null ? [] : [Math.log(ratios[peer])]));
    if (logs.length === 0) return null;
    return { mean: Math.exp(logs.reduce((a, b) => a + b, 0) / logs.length), count: logs.length };
  });
}

/** Three digits. */
export const short = (value: number | null | undefined): string =>
  value == null ? "x" : value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));

const times = (ratio: number | null | undefined): string => (ratio == null ? "x" : `${short(ratio)}x`);

/** The table for the terminal. */
export function summaryTable(summary: Summary): string {
  const { peers, machine, versions, threads, rounds, results } = summary;
  const rows = rowsOf(summary);
  const others = peers.map(({ name }, i) => ({ name, i })).filter(({ name }) => name !== "amari");
  const hasAmari = others.length < peers.length;
  const table = new CliTable({
    head: [
      "milliseconds",
      ...peers.map(({ title }) => title),
      "goal",
      ...(hasAmari ? others.map(({ i }) => `${peers[i]!.title} / amari`) : []),
    ],
    colAligns: ["left", ...Array.from({ length: peers.length + 1 + others.length }, () => "right" as const)],
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) {
    const own = row.times[peers.findIndex(({ name }) => name === "amari")];
    const missed = row.goal !== undefined && own != null && threads === 1 && own > row.goal;
    table.push([
      row.workload,
      ...row.times.map(short),
      row.goal === undefined ? "" : `${short(row.goal)}${missed ? " missed" : ""}`,
      ...(hasAmari ? others.map(({ i }) => times(row.ratios[i])) : []),
    ]);
  }
  if (hasAmari && others.length > 0) {
    const means = geometricMeans(rows);
    table.push([
      "geometric mean",
      ...peers.map(() => ""),
      "",
      ...others.map(({ i }) => (means[i] == null ? "x" : `${times(means[i].mean)} of ${means[i].count}`)),
    ]);
  }
  const failures = results.filter(({ error }) => error !== null);
  return [
    `${machine.processor}, ${machine.cores} cores, ${machine.system}; ${threads} thread${threads > 1 ? "s" : ""}; ` +
      `best of ${rounds} rounds' medians`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
    table.toString(),
    ...failures.map(({ workload, peer, error }) => `x ${workload} ${peer}: ${error}`),
  ].join("\n");
}
