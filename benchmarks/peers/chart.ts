import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { rowsOf, type Summary } from "./summary.ts";

const { document } = parseHTML("<html><body></body></html>");

/** Colours that the colour-blind tell apart. */
const colours = ["#0072b2", "#e69f00", "#009e73", "#cc79a7"];

/** How many times longer than amari each peer takes, on a logarithmic axis, as a self-contained SVG. */
export function ratioChart(summary: Summary): string {
  const rows = rowsOf(summary);
  const others = summary.peers.filter(({ name }) => name !== "amari");
  const points = rows.flatMap(({ workload, ratios }) =>
    summary.peers.flatMap(({ name, title }, i) =>
      name === "amari" || ratios[i] == null ? [] : [{ workload, title, ratio: ratios[i] }],
    ),
  );
  const figure = Plot.plot({
    document: document as unknown as Document,
    width: 760,
    height: 60 + 24 * rows.length,
    marginLeft: 170,
    marginRight: 100,
    marginBottom: 40,
    style: { background: "white", color: "#222", fontSize: "13px", fontFamily: "sans-serif" },
    x: {
      type: "log",
      nice: true,
      grid: true,
      label: "times as long as amari (right of 1: amari is faster)",
      labelAnchor: "center",
      labelOffset: 36,
      tickFormat: (value: number) => (Math.log10(value) % 1 === 0 ? String(value) : ""),
    },
    y: { domain: rows.map(({ workload }) => workload), label: null },
    color: { domain: others.map(({ title }) => title), range: colours },
    marks: [
      Plot.ruleX([1], { stroke: "#222", strokeWidth: 1.5 }),
      Plot.dot(points, { x: "ratio", y: "workload", fill: "title", r: 5, title: "title" }),
      // A legend of Plot is HTML, which an SVG file cannot hold.
      ...others.map(({ title }, i) =>
        Plot.text([title], {
          frameAnchor: "top-right",
          textAnchor: "start",
          dx: 12,
          dy: 18 * i,
          fill: colours[i]!,
          fontWeight: 600,
          text: [`● ${title}`],
        }),
      ),
    ],
  }) as unknown as { outerHTML: string };
  // Inside HTML an SVG needs no namespace, and linkedom writes none; a file of its own does.
  return figure.outerHTML.replace("<svg ", `<svg xmlns="http://www.w3.org/2000/svg" `);
}
