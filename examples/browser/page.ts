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
  const bar = find<HTMLProgressElement>("progress");
  const container = find<HTMLElement>(".chart");
  const rows = find<HTMLElement>("tbody");
  const empty = rows.innerHTML;
  const chart = new LossChart(container, find<HTMLElement>(".readout"));
  const running = new Map<string, Promise<Running>>();
  let runs = 0;
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
    runs = 0;
    container.ariaLabel = "No run yet.";
    clear.disabled = true;
    error.hidden = true;
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
    bar.removeAttribute("value");
    status.textContent = `${backends[wish.backend]!.label}: starting …`;
    stopper = new AbortController();
    const { label, colour, make } = optimizers[wish.optimizer]!;
    const { label: place, dash } = backends[wish.backend]!;
    const number = runs + 1;
    const curve = chart.addCurve({ number, label: `${label}, ${place}`, colour, dash });
    const tr = document.createElement("tr");
    const steps: Step[] = [];
    let where = place;
    const show = (accuracy: string) => tr.replaceChildren(...cellsOf(number, wish, steps, accuracy));
    const summary = () =>
      `${count(steps.length, wish.steps)}, loss ${steps.at(-1)?.loss.toPrecision(3) ?? "unknown"}`;
    try {
      const { backend, description } = await start(wish.backend);
      where = description;
      status.textContent = `${where}: compiling the first step …`;
      await nextTask();
      const optimizer = make(wish.learningRate);
      const training = train({ ...wish, backend, optimizer, signal: stopper.signal });
      let drawn = performance.now();
      let turn = await training.next();
      for (; turn.done !== true; turn = await training.next()) {
        const { loss } = turn.value;
        if (steps.push(turn.value) === 1) {
          runs = number;
          rows.querySelector(".none")?.remove();
          rows.append(tr);
        }
        curve.add(loss);
        // What follows could only be NaN again.
        if (!Number.isFinite(loss)) stopper.abort();
        if (performance.now() - drawn < frame) continue;
        bar.value = steps.length / wish.steps;
        status.textContent = `${where}: step ${steps.length} of ${wish.steps}, loss ${loss.toPrecision(3)}`;
        show("…");
        await nextTask();
        drawn = performance.now();
      }
      const accuracy = `${(100 * turn.value).toFixed(0)}%`;
      show(accuracy);
      status.textContent = `${where}: ${summary()}, ${accuracy} of the held-out flowers right.`;
      if (!Number.isFinite(steps.at(-1)?.loss ?? 0))
        fail(`${label} has diverged: a smaller learning rate may help.`);
    } catch (thrown) {
      // What has failed may be lost for good: the next run starts it afresh.
      running.delete(wish.backend);
      if (steps.length === 0) curve.remove();
      else show("none");
      status.textContent =
        steps.length === 0 ? "Nothing was trained." : `${where}: ${summary()}, then an error.`;
      fail(`${place}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    } finally {
      const { length } = rows.querySelectorAll("tr:not(.none)");
      if (length > 0) {
        const name = `Loss by step of ${length === 1 ? "one run" : `${length} runs`}`;
        container.ariaLabel = `${name}; the table below has their figures, the arrow keys read the curves.`;
      }
      setBusy(false);
    }
  }

  function fail(message: string): void {
    error.textContent = message;
    error.hidden = false;
  }

  function setBusy(busy: boolean): void {
    // Who has pressed a button by the keyboard stays at one that can be pressed.
    const { activeElement } = document;
    go.disabled = busy;
    stop.disabled = !busy;
    clear.disabled = busy || runs === 0;
    bar.hidden = !busy;
    if (activeElement === go || activeElement === stop) (busy ? stop : go).focus();
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

/** The cells of a run's row in the table. */
function cellsOf(number: number, wish: Wish, steps: readonly Step[], accuracy: string): HTMLElement[] {
  const { label, colour } = optimizers[wish.optimizer]!;
  const { label: backend, dash } = backends[wish.backend]!;
  const [first, ...further] = steps.map(({ milliseconds }) => milliseconds);
  const swatch = document.createElement("span");
  swatch.className = "swatch";
  swatch.style.borderTopColor = colour;
  swatch.style.borderTopStyle = dash.length === 0 ? "solid" : dash[0]! > 4 ? "dashed" : "dotted";
  const name = Object.assign(document.createElement("th"), { scope: "row" });
  name.append(`${number} `, swatch, label);
  const cells = [
    steps.at(-1)?.loss.toPrecision(3) ?? "",
    accuracy,
    backend,
    String(wish.learningRate),
    String(wish.hidden),
    String(steps.length),
    inMilliseconds(first),
    inMilliseconds(median(further)),
  ];
  return [name, ...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text }))];
}

/** `200 steps`, `stopped after 35 of 200 steps`. */
const count = (done: number, wanted: number): string =>
  done === wanted ? `${done} ${done === 1 ? "step" : "steps"}` : `stopped after ${done} of ${wanted} steps`;

const inMilliseconds = (time: number | undefined): string =>
  time === undefined
    ? ""
    : `${time < 1 ? time.toFixed(2) : time < 100 ? time.toFixed(1) : time.toFixed(0)} ms`;

const median = (numbers: readonly number[]): number | undefined =>
  [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
