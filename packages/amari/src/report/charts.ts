import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { median } from "../study/statistics.ts";

/** A line of a chart: a name for the legend, a colour, and points; with a band where there are several runs. */
export interface Series {
  readonly label: string;
  readonly colour: string;
  readonly points: readonly Point[];
}

/** A point of a line chart. */
interface Point {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

interface Axes {
  readonly x: string;
  readonly y: string;
  readonly yLog?: boolean;
  readonly yDomain?: readonly [number, number];
}

const { document } = parseHTML("<html><body></body></html>");
const width = 560;
const common = {
  document: document as unknown as Document,
  style: { background: "transparent", color: "currentColor", fontSize: "13px", fontFamily: "inherit" },
};

const render = (options: Plot.PlotOptions): string =>
  (Plot.plot({ ...common, ...options }) as unknown as { outerHTML: string }).outerHTML;

/** Lines over steps, as SVG. */
export function lineChart(series: readonly Series[], axes: Axes): string {
  const rows = series.flatMap(({ label, colour, points }) =>
    points
      .filter(({ y }) => Number.isFinite(y) && (axes.yLog !== true || y > 0))
      .map((point) => ({ ...point, low: point.low ?? point.y, high: point.high ?? point.y, label, colour })),
  );
  const banded = rows.filter(({ low, high }) => Number.isFinite(high) && low > 0 && high > low);
  return render({
    width,
    height: 320,
    marginLeft: 52,
    marginBottom: 42,
    x: { label: axes.x, nice: true, labelOffset: 38 },
    y: {
      label: axes.y,
      grid: true,
      ...(axes.yLog === true ? { type: "log" as const, tickFormat: shortNumber } : { nice: true }),
      ...(axes.yDomain !== undefined && { domain: [...axes.yDomain], clamp: true }),
    },
    marks: [
      Plot.areaY(banded, { x: "x", y1: "low", y2: "high", z: "label", fill: "colour", fillOpacity: 0.13 }),
      Plot.line(rows, { x: "x", y: "y", z: "label", stroke: "colour", strokeWidth: 1.8, title: "label" }),
    ],
  });
}

const shortNumber = (value: number): string =>
  value >= 0.001 && value < 10_000 ? String(Number(value.toPrecision(3))) : value.toExponential(0);

/** A running median, which shows the course of a noisy series. */
export function smoothed(values: readonly number[], radius = 3): number[] {
  return values.map((_, i) =>
    median(values.slice(Math.max(0, i - radius), i + radius + 1).filter(Number.isFinite)),
  );
}

/** Estimates (upwards) against true values (to the right) on logarithmic axes with the line of identity, as SVG. */
export function scatterChart(
  truth: readonly number[],
  estimate: readonly number[],
  colour: string,
  domain: readonly [number, number],
): string {
  const points = truth
    .map((x, i) => ({ x, y: estimate[i]! }))
    .filter(({ x, y }) => Math.min(x, y) >= domain[0]);
  const ends = domain.map((v) => ({ x: v, y: v }));
  const scale = { type: "log" as const, domain: [...domain], tickFormat: shortNumber, ticks: 4, label: null };
  return render({
    width: 300,
    height: 280,
    marginLeft: 50,
    marginRight: 12,
    x: { ...scale, grid: true },
    y: { ...scale, grid: true },
    marks: [
      Plot.line(ends, { x: "x", y: "y", stroke: "currentColor", strokeOpacity: 0.5, strokeDasharray: "4 3" }),
      Plot.dot(points, { x: "x", y: "y", fill: colour, fillOpacity: 0.75, r: 3 }),
    ],
  });
}

/** The powers of ten around all positive values, over at most 8 of them. */
export function decades(values: readonly number[]): [number, number] {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  if (positive.length === 0) return [0.1, 1];
  const top = Math.ceil(Math.log10(Math.max(...positive)));
  return [10 ** Math.max(top - 8, Math.floor(Math.log10(Math.min(...positive)))), 10 ** top];
}
