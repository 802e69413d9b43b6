import { backends, type Running } from "./backends.ts";
import { LossChart } from "./loss-chart.ts";
import { optimizers } from "./optimizers.ts";
import { type Step, train } from "./training.ts";

/** What the form says. */
interface Wish {
  readonly optimizer: string;
  readonly learningRate: number;
  readonly backend: string;
  readonly hidden: number;
  readonly steps: number;
}

/** Brings the page of `index.html` to life. */
export function page(body: HTMLElement): void {
  const find = <E extends Element>(selector: string): E => body.querySelector<E>(selector)!;
  const form = find<HTMLFormElement>("form");
  const [status, error] = [find<HTMLElement>(".status"), find<HTMLElement>(".error")];
  const [optimizer, backend, rate] = [
    find<HTMLSelectElement>("[name=optimizer]"),
    find<HTMLSelectElement>("[name=backend]"),
    find<HTMLInputElement>("[name=learningRate]"),
  ];
  const [go, stop, clear] = [
    find<HTMLButtonElement>("[type=submit]"),
    find<HTMLButtonElement>("[name=stop]"),
    find<HTMLButtonElement>("[name=clear]"),
  ];
  const container = find<HTMLElement>(".chart");
  const rows = find<HTMLElement>("tbody");
  const empty = rows.innerHTML;
  const chart = new LossChart(container, find<HTMLElement>(".readout"));
  const running = new Map<string, Promise<Running>>();
  let stopper = new AbortController();

  optimizer.replaceChildren(...Object.entries(optimizers).map(([id, { label }]) => new Option(label, id)));
  backend.replaceChildren(...Object.entries(backends).map(([id, { label }]) => new Option(label, id)));
  const suggestRate = () => {
    rate.value = String(optimizers[optimizer.value]!.learningRate);
  };
  suggestRate();

  optimizer.addEventListener("change", suggestRate);
  stop.addEventListener("click", () => stopper.abort());
  clear.addEventListener("click", () => {
    chart.clear();
    rows.innerHTML = empty;
    container.ariaLabel = "No run yet.";
    clear.disabled = true;
    status.textContent = "Ready.";
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void run(wishOf(new FormData(form)));
  });

  /** A backend is started when it is first wanted, and kept. */
  function start(id: string): Promise<Running> {
    const started = running.get(id) ?? backends[id]!.start();
    running.set(id, started);
    return started;
  }

  async function run(wish: Wish): Promise<void> {
    setBusy(true);
    error.hidden = true;
    status.textContent = "Starting …";
    stopper = new AbortController();
    try {
      const { backend, description } = await start(wish.backend);
      const { label, colour, make } = optimizers[wish.optimizer]!;
      const look = { colour, dash: backends[wish.backend]!.dash };
      const addPoint = chart.addCurve({ ...look, label: `${label}, ${backends[wish.backend]!.label}` });
      const training = train({
        backend,
        optimizer: make(wish.learningRate),
        hidden: wish.hidden,
        steps: wish.steps,
        signal: stopper.signal,
      });
      const steps: Step[] = [];
      let drawn = performance.now();
      let turn = await training.next();
      for (; turn.done !== true; turn = await training.next()) {
        steps.push(turn.value);
        addPoint(turn.value.loss);
        if (performance.now() - drawn < frame) continue;
        status.textContent = `${description}: step ${steps.length} of ${wish.steps}, loss ${turn.value.loss.toPrecision(3)}`;
        await nextTask();
        drawn = performance.now();
      }
      const accuracy = turn.value;
      rows.querySelector(".none")?.remove();
      rows.append(row(wish, steps, accuracy));
      const last = steps.at(-1);
      container.ariaLabel = `Loss by step of ${rows.children.length} runs; the table below has their figures.`;
      status.textContent =
        `${description}: ${steps.length} steps, loss ${last?.loss.toPrecision(3) ?? "unknown"}, ` +
        `${(100 * accuracy).toFixed(0)}% of the held-out flowers right.`;
    } catch (thrown) {
      // What has failed may be lost for good: the next run starts it afresh.
      running.delete(wish.backend);
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      error.textContent = `${backends[wish.backend]!.label}: ${message}`;
      error.hidden = false;
      status.textContent = "Stopped by an error.";
    } finally {
      setBusy(false);
    }
  }

  function setBusy(busy: boolean): void {
    go.disabled = busy;
    stop.disabled = !busy;
    clear.disabled = busy;
    // Progress is not read aloud, only what came of it.
    status.ariaBusy = String(busy);
  }
}

/** How long the training may keep the page from drawing itself, in milliseconds. */
const frame = 16;

/** Lets the browser draw and react; a timer rather than a frame, which does not come while the page is hidden. */
const nextTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

function wishOf(data: FormData): Wish {
  const text = (name: string) => data.get(name) as string;
  return {
    optimizer: text("optimizer"),
    learningRate: Number(text("learningRate")),
    backend: text("backend"),
    hidden: Number(text("hidden")),
    steps: Number(text("steps")),
  };
}

/** A row of the table of runs. */
function row(wish: Wish, steps: readonly Step[], accuracy: number): HTMLTableRowElement {
  const { label, colour } = optimizers[wish.optimizer]!;
  const { label: backend, dash } = backends[wish.backend]!;
  const [first, ...further] = steps.map(({ milliseconds }) => milliseconds);
  const cells = [
    label,
    String(wish.learningRate),
    backend,
    String(wish.hidden),
    String(steps.length),
    steps.at(-1)?.loss.toPrecision(3) ?? "",
    `${(100 * accuracy).toFixed(0)}%`,
    inMilliseconds(first),
    inMilliseconds(median(further)),
  ];
  const swatch = document.createElement("span");
  swatch.className = "swatch";
  swatch.style.borderTopColor = colour;
  swatch.style.borderTopStyle = dash.length === 0 ? "solid" : dash[0]! > 4 ? "dashed" : "dotted";
  const tr = document.createElement("tr");
  tr.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
  tr.firstElementChild!.prepend(swatch);
  return tr;
}

const inMilliseconds = (time: number | undefined): string =>
  time === undefined
    ? ""
    : `${time < 1 ? time.toFixed(2) : time < 100 ? time.toFixed(1) : time.toFixed(0)} ms`;

const median = (numbers: readonly number[]): number | undefined =>
  [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
