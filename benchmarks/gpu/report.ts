import type { Result } from "../peers/run.ts";
import { short } from "../peers/summary.ts";
import type { Workload } from "../peers/workloads.ts";
import { figureOf, wishes } from "./figures.ts";
import type { Roof } from "./probes.ts";

/** Everything that one run of the command found out; the JSON file. */
export interface Report {
  readonly date: string;
  readonly device: { readonly name: string; readonly isSoftware: boolean };
  readonly system: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly roof: Roof;
  readonly workloads: readonly Workload[];
  readonly peers: readonly { readonly name: string; readonly title: string }[];
  readonly results: readonly Result[];
}

const percent = (share: number): string => `${Math.round(100 * share)}%`;

export const head = ({ peers }: Report): string[] => [
  "",
  "amari's kernels, ms",
  "rate",
  "share",
  "goal",
  ...peers.map(({ title }) => `${title}, ms`),
];

/** A row for each workload. A time of a library is that of a run whose end is awaited. */
export const rows = ({ workloads, results, peers, roof, device }: Report): string[][] =>
  workloads.map((workload) => {
    const of = (peer: string) =>
      results.find((result) => result.workload === workload.id && result.peer === peer);
    const own = of("amari");
    const figure = figureOf(workload, own, roof);
    const reached = (goal: number): string => {
      if (device.isSoftware) return `${percent(goal)}, not measured`;
      return `${percent(goal)}, ${figure!.share >= goal ? "reached" : "missed"}`;
    };
    return [
      workload.id,
      own?.device ? short(own.device.kernels) : "",
      figure?.rate ? `${short(figure.rate.value)} ${figure.rate.unit}` : "",
      figure === null ? "" : `${percent(figure.share)}${figure.rate === null ? " of a stream" : ""}`,
      figure?.goal == null ? "" : reached(figure.goal),
      ...peers.map(({ name }) => short(of(name)?.time)),
    ];
  });

/** On what it was measured, and what that means. */
export function preface({ device, system, date, versions, roof }: Report): string[] {
  const { bytes, operations, clock } = roof;
  return [
    `${device.name}${device.isSoftware ? " (a software driver)" : ""}, ${system}; ${date}; ` +
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(", "),
    `Its roof, by the ${clock}'s clock: ${short(operations / 1e9)} GFLOP/s of float32 multiply-adds, ` +
      `${short(bytes / 1e9)} GB/s read and written by a copy.`,
    ...(device.isSoftware
      ? [
          "NOT MEASURED, because there was no GPU but a program on the processor that stands in for one: " +
            `${wishes.join("; ")}. The numbers show that everything runs, on small sizes, and nothing else.`,
        ]
      : []),
  ];
}

/** The same as Markdown. */
export function markdown(report: Report): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const titles = head(report);
  return [
    ...preface(report).flatMap((text) => [text.replace("NOT MEASURED", "**Not measured**"), ""]),
    line(titles),
    `|---|${"---:|".repeat(titles.length - 1)}`,
    ...rows(report).map(line),
  ].join("\n");
}
