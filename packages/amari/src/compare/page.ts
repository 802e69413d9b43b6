import type { DType } from "@amari/core";
import { lineChart } from "../report/charts.ts";
import { escapeHtml, figures } from "../report/format.ts";
import { figure, legend, list, page, table } from "../report/html.ts";
import { type Comparison, type ComparisonOfDType, exceededIn, failedIn } from "./comparison.ts";
import { backendHead, backendRows, trajectoryHead, trajectoryRows } from "./summary.ts";

/** Distinguishable by the colour-blind, legible on white and on black. */
const colours = ["#808080", "#0072b2", "#d55e00", "#009e73", "#cc79a7"];

/** The comparison as one HTML page that loads nothing from anywhere. */
export function comparisonPage(comparison: Comparison): string {
  const { backends, results, seconds } = comparison;
  const wrong = [
    ...exceededIn(comparison).map(({ operation, backend }) => `${operation} on ${backend}`),
    ...failedIn(comparison).map(({ optimizer, backend }) => `${optimizer} on ${backend}`),
  ];
  const verdict =
    wrong.length === 0
      ? "Every operation is within its stated error on every backend."
      : `Beyond the stated error, or not to be had: ${wrong.join(", ")}.`;
  return page(
    "Amari: backends side by side",
    `<h1>Backends side by side</h1>
<p class="lead">${escapeHtml(verdict)} Made in ${seconds.toFixed(1)} seconds.</p>
${list(backends.map(({ name, about, missing }) => `${name}${missing ? " is missing" : ""}: ${about}`))}
<h2>Operations against their definition</h2>
<p>Each operation of the table on the cases of its row, against the float64 definition rounded once. An error is counted in
units in the last place (ulp); that of operations which are not elementwise may be as large in units of the largest
magnitude among operands and results, since they may cancel, and its share of the bound is then the smaller of the two.</p>
${table(backendHead, backendRows(comparison))}
${results.map((result) => dtypeSection(result, comparison)).join("\n")}`,
  );
}

/** Decimal digits that tell any two floats from each other. */
const significant: { readonly [D in DType]?: number } = { float16: 5, float32: 9, float64: 17 };

function dtypeSection(
  { dtype, operations, trajectories }: ComparisonOfDType,
  comparison: Comparison,
): string {
  const names = comparison.backends.filter(({ missing }) => !missing).map(({ name }) => name);
  const colourOf = (name: string) => colours[names.indexOf(name) % colours.length]!;
  const digits = (x: number) => String(Number(x.toPrecision(significant[dtype] ?? 17)));
  const apart = operations
    .filter(({ ulp, exceeded }) => ulp > 0 || exceeded)
    .sort((a, b) => b.share - a.share);
  const rows = apart.map((row) => [
    row.operation,
    row.backend,
    String(row.ulp),
    String(row.bound),
    `${figures(row.share, 2)}${row.exceeded ? ", beyond" : ""}`,
    row.place,
    digits(row.got),
    digits(row.expected),
  ]);
  const optimizers = [...new Set(trajectories.map(({ optimizer }) => optimizer))];
  const charts = optimizers.map((optimizer) => {
    const series = trajectories
      .filter((t) => t.optimizer === optimizer && t.unsupported === null)
      .map(({ backend, divergence }) => ({
        label: backend,
        colour: colourOf(backend),
        points: divergence.map((y, x) => ({ x: x + 1, y })),
      }));
    return figure(
      `${optimizer} in ${dtype}`,
      `distance of the parameters from those on ${names[0] ?? "the first backend"}, relative to the largest`,
      // A logarithm has no place for 0.
      series.every(({ points }) => points.every(({ y }) => y === 0))
        ? "<p>Not a bit differs at any step.</p>"
        : lineChart(series, { x: "step", y: "relative distance", yLog: true }),
    );
  });
  const reasons = new Map<string, string[]>();
  for (const { operation, backend, unsupported: reason } of operations) {
    if (reason === null) continue;
    const key = `${backend}: ${reason}`;
    reasons.set(key, [...(reasons.get(key) ?? []), operation]);
  }
  const unsupported = [...reasons].map(([reason, names]) => `${names.join(", ")} on ${reason}`);
  return `<h2>${dtype}: where results differ</h2>
${rows.length === 0 ? "<p>Nowhere.</p>" : table(["operation", "backend", "ulp", "bound", "share of it", "where", "got", "expected"], rows, "plain")}
${unsupported.length === 0 ? "" : `<h3>Unsupported</h3>${list(unsupported)}`}
${
  charts.length === 0
    ? ""
    : `<h2>${dtype}: training step by step</h2>
<p>The same network (4-16-3, tanh) on all of Fisher's iris from the same bits. Rounding differs from backend to backend, and
training amplifies it: only the first steps are the same computation. ${comparison.steps} steps.</p>
${legend(names.map((label) => ({ label, colour: colourOf(label) })))}
<div class="pair">${charts.join("\n")}</div>
${table(trajectoryHead, trajectoryRows({ dtype, operations, trajectories }))}`
}`;
}
