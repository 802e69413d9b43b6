import uPlot from "uplot";

/** How a curve is drawn. */
export interface Look {
  readonly label: string;
  readonly colour: string;
  readonly dash: readonly number[];
}

/** What the scale of losses shows before there are any. */
const emptyRange: uPlot.Range.MinMax = [0.01, 1];

/**
 * A chart of losses by step, on a logarithmic scale, to which curves and points are added while it is looked at. Where
 * the pointer is, the values of all curves are written to `readout`.
 */
export class LossChart {
  private readonly container: HTMLElement;
  private readonly readout: HTMLElement;
  private readonly curves: { readonly look: Look; readonly losses: number[] }[] = [];
  private plot: uPlot;
  private pending = false;

  constructor(container: HTMLElement, readout: HTMLElement) {
    this.container = container;
    this.readout = readout;
    this.plot = this.create();
    new ResizeObserver(() => this.plot.setSize(this.size())).observe(container);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recreate());
  }

  /** Begins a curve; what is returned adds a point to it. */
  addCurve(look: Look): (loss: number) => void {
    const losses: number[] = [];
    this.curves.push({ look, losses });
    this.recreate();
    return (loss) => {
      losses.push(loss);
      this.redrawSoon();
    };
  }

  clear(): void {
    this.curves.length = 0;
    this.recreate();
  }

  /** Many points may come within a frame. */
  private redrawSoon(): void {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.plot.setData(this.data());
    });
  }

  private recreate(): void {
    this.plot.destroy();
    this.plot = this.create();
  }

  private create(): uPlot {
    const style = getComputedStyle(this.container);
    const axis = {
      stroke: style.getPropertyValue("--soft"),
      grid: { stroke: style.getPropertyValue("--grid"), width: 1 },
      ticks: { show: false },
      font: "12px system-ui, sans-serif",
    };
    const options: uPlot.Options = {
      ...this.size(),
      scales: {
        x: { time: false, range: (_, from, to) => (from === null ? [0, 100] : [from, Math.max(to, 1)]) },
        y: {
          distr: 3,
          log: 10,
          range: (_, from, to) => (from === null ? emptyRange : uPlot.rangeLog(from, to, 10, false)),
        },
      },
      axes: [
        { ...axis, space: 60, size: 34 },
        { ...axis, size: 58, values: (_, splits) => splits.map(tick) },
      ],
      cursor: { drag: { x: false, y: false } },
      series: [
        { label: "Step" },
        ...this.curves.map(({ look: { label, colour, dash } }) => ({
          label,
          stroke: colour,
          width: 2,
          dash: [...dash],
          points: { show: false },
        })),
      ],
      legend: { show: false },
      hooks: { setCursor: [({ cursor }) => this.readAt(cursor.idx ?? null)] },
    };
    return new uPlot(options, this.data(), this.container);
  }

  private readAt(step: number | null): void {
    const values = this.curves.flatMap(({ look, losses }) => {
      const loss = losses[step ?? -1];
      return loss === undefined ? [] : [`${look.label} ${loss.toPrecision(3)}`];
    });
    this.readout.textContent = values.length === 0 ? "" : `Step ${step}: ${values.join(" · ")}`;
  }

  private data(): uPlot.AlignedData {
    const length = Math.max(0, ...this.curves.map(({ losses }) => losses.length));
    const steps = Array.from({ length }, (_, i) => i);
    const padded = this.curves.map(({ losses }) => steps.map((i) => losses[i] ?? null));
    return [steps, ...padded];
  }

  private size(): { width: number; height: number } {
    const width = this.container.clientWidth;
    return { width, height: Math.round(Math.min(380, Math.max(240, width * 0.5))) };
  }
}

/** 0.1 and 1e-7 rather than 0.0000001; of a logarithmic scale's lines uPlot passes null for those without a label. */
const tick = (loss: number | null): string =>
  loss === null ? "" : loss >= 1e-3 ? String(Number(loss.toPrecision(3))) : loss.toExponential(0);
