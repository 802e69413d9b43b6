import uPlot from "uplot";

/** How a curve is drawn, and what it is called: in full where there is room, by its number at its end. */
export interface Look {
  readonly number: number;
  readonly label: string;
  readonly colour: string;
  readonly dash: readonly number[];
}

/** A curve on the chart. */
export interface Curve {
  add(loss: number): void;
  remove(): void;
}

/** What the scale of losses shows before there are any. */
const emptyRange: uPlot.Range.MinMax = [0.01, 1];

/** From so many pixels apart on, the numbers at the ends of two curves are both legible. */
const apart = 13;

/**
 * A chart of losses by step, on a logarithmic scale, to which curves and points are added while it is looked at. Where
 * the pointer is, or where the arrow keys have gone, the values of all curves are written to `readout`.
 */
export class LossChart {
  private readonly container: HTMLElement;
  private readonly readout: HTMLElement;
  private curves: { readonly look: Look; readonly losses: number[] }[] = [];
  private plot: uPlot;
  private pending = false;

  constructor(container: HTMLElement, readout: HTMLElement) {
    this.container = container;
    this.readout = readout;
    this.plot = this.create();
    new ResizeObserver(() => this.plot.setSize(this.size())).observe(container);
    container.addEventListener("keydown", (event) => this.moveCursor(event));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recreate());
  }

  /** Begins a curve. */
  addCurve(look: Look): Curve {
    const curve = { look, losses: [] as number[] };
    this.curves.push(curve);
    this.recreate();
    return {
      add: (loss) => {
        curve.losses.push(loss);
        this.redrawSoon();
      },
      remove: () => {
        this.curves = this.curves.filter((other) => other !== curve);
        this.recreate();
      },
    };
  }

  clear(): void {
    this.curves = [];
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
    this.readAt(null);
  }

  private create(): uPlot {
    const font = "12px system-ui, sans-serif";
    const style = getComputedStyle(this.container);
    const axis = {
      stroke: style.getPropertyValue("--soft"),
      grid: { stroke: style.getPropertyValue("--grid"), width: 1 },
      ticks: { show: false },
      font,
      labelFont: font,
      labelSize: 20,
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
        { ...axis, space: 60, size: 34, label: "step" },
        { ...axis, size: 52, label: "loss in nats", values: (_, splits) => splits.map(tick) },
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
      // Room for the numbers.
      padding: [null, 46, null, null],
      hooks: {
        setCursor: [({ cursor }) => this.readAt(cursor.idx ?? null)],
        draw: [(plot) => this.numberEnds(plot, axis.stroke)],
      },
    };
    return new uPlot(options, this.data(), this.container);
  }

  private readAt(step: number | null): void {
    const values = this.curves.flatMap(({ look, losses }) => {
      const loss = losses[step ?? -1];
      return loss === undefined ? [] : [`${look.number} ${look.label} ${loss.toPrecision(3)}`];
    });
    const hint =
      this.curves.length === 0 ? "" : "Point at the chart, or use the arrow keys on it, to read it.";
    this.readout.textContent = values.length === 0 ? hint : `Step ${step}: ${values.join(" · ")}`;
  }

  /** Moves the cursor by the arrow keys: a step, ten with shift, or to either end. */
  private moveCursor(event: KeyboardEvent): void {
    const { plot } = this;
    const last = plot.data[0].length - 1;
    const from = plot.cursor.idx ?? last;
    const stride = event.shiftKey ? 10 : 1;
    const to = { ArrowLeft: from - stride, ArrowRight: from + stride, Home: 0, End: last }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    const step = Math.min(Math.max(to, 0), last);
    plot.setCursor({ left: plot.valToPos(step, "x"), top: plot.cursor.top ?? 0 });
  }

  /** Writes the numbers of the runs where their curves end, those of curves that end in one place together. */
  private numberEnds(plot: uPlot, colour: string): void {
    const ends: { x: number; y: number; numbers: number[] }[] = [];
    for (const { look, losses } of this.curves) {
      const last = losses.findLastIndex(isDrawn);
      if (last < 0) continue;
      const [x, y] = [plot.valToPos(last, "x", true), plot.valToPos(losses[last]!, "y", true)];
      const near = apart * devicePixelRatio;
      const same = ends.find((end) => Math.abs(end.x - x) < 2 * near && Math.abs(end.y - y) < near);
      if (same === undefined) ends.push({ x, y, numbers: [look.number] });
      else same.numbers.push(look.number);
    }
    const { ctx } = plot;
    ctx.save();
    ctx.font = `600 ${12 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.fillStyle = colour;
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    for (const { x, y, numbers } of ends) ctx.fillText(several(numbers), x + 5 * devicePixelRatio, y);
    ctx.restore();
  }

  private data(): uPlot.AlignedData {
    const length = Math.max(0, ...this.curves.map(({ losses }) => losses.length));
    const steps = Array.from({ length }, (_, i) => i);
    const padded = this.curves.map(({ losses }) =>
      steps.map((i) => (isDrawn(losses[i]) ? losses[i]! : null)),
    );
    return [steps, ...padded];
  }

  private size(): { width: number; height: number } {
    const width = this.container.clientWidth;
    return { width, height: Math.round(Math.min(380, Math.max(240, width * 0.5))) };
  }
}

/** Whether a logarithmic scale has a place for a loss: it has none for 0, nor for what has no number. */
const isDrawn = (loss: number | undefined): boolean => loss !== undefined && loss > 0 && loss < Infinity;

/** `2, 3`; no more than there is room for. */
const several = (numbers: readonly number[]): string =>
  numbers.length <= 3 ? numbers.join(", ") : `${numbers.slice(0, 2).join(", ")} …`;

/** 0.1 and 1e-7 rather than 0.0000001; of a logarithmic scale's lines uPlot passes null for those without a label. */
const tick = (loss: number | null): string =>
  loss === null ? "" : loss >= 1e-3 ? String(Number(loss.toPrecision(3))) : loss.toExponential(0);
