/// <reference types="vite/client" />
import { afterEach, beforeEach, expect, inject, test, vi } from "vitest";
import html from "./index.html?raw";
import { page } from "./page.ts";

const find = <E extends HTMLElement>(selector: string): E => document.querySelector<E>(selector)!;

/** Fills the form in, presses the button and waits until it can be pressed again. */
async function train(wish: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, value] of Object.entries(wish)) {
    const field = find<HTMLSelectElement>(`[name=${name}]`);
    field.value = value;
    field.dispatchEvent(new Event("change"));
  }
  find("[type=submit]").click();
  await vi.waitFor(() => expect(find<HTMLButtonElement>("[type=submit]").disabled).toBe(false), 100_000);
}

const cells = (): string[][] =>
  [...document.querySelectorAll("tbody tr")].map((row) =>
    [...row.children].map(({ textContent }) => textContent ?? ""),
  );

beforeEach(() => {
  document.body.innerHTML = new DOMParser().parseFromString(html, "text/html").body.innerHTML;
  page(document.body);
});
afterEach(() => vi.restoreAllMocks());

test("the page trains by two optimizers, draws their curves and has a row for each", async () => {
  const backend = inject("backend");
  await train({ optimizer: "fadam", backend, steps: "40" });
  await train({ optimizer: "sgd", backend, steps: "40" });
  const rows = cells();
  expect(rows.map(([optimizer]) => optimizer)).toEqual(["1 FAdam", "2 Momentum SGD"]);
  for (const [, loss, accuracy, , , , steps] of rows) {
    expect(steps).toBe("40");
    expect(Number(loss)).toBeLessThan(0.3); // log 3 = 1.1 is chance
    expect(Number.parseFloat(accuracy!)).toBeGreaterThan(80);
  }
  expect(find("[role=alert]").hidden).toBe(true);
  expect(find("[role=img]").ariaLabel).toContain("2 runs");
  expect(find("canvas").clientWidth).toBeGreaterThan(0);
});

test("a run that is stopped keeps what it has, and the page can be cleared", async () => {
  const training = train({ backend: inject("backend"), steps: "10000" });
  await vi.waitFor(() => expect(find("[role=status]").textContent).toMatch(/step \d+ of 10000/), 100_000);
  find("[name=stop]").click();
  await training;
  expect(Number(cells()[0]![6])).toBeLessThan(10_000);
  expect(find("[role=status]").textContent).toMatch(/stopped after \d+ of 10000 steps/);
  find("[name=clear]").click();
  expect(cells()).toEqual([["No run yet."]]);
});

test("the curves can be read by the keyboard, whose focus stays at a button that can be pressed", async () => {
  find("[type=submit]").focus();
  const training = train({ optimizer: "fadam", backend: inject("backend"), steps: "20" });
  await vi.waitFor(() => expect(document.activeElement).toBe(find("[name=stop]")));
  await training;
  expect(document.activeElement).toBe(find("[type=submit]"));
  const press = (key: string): string => {
    find(".chart").dispatchEvent(new KeyboardEvent("keydown", { key }));
    return find(".readout").textContent ?? "";
  };
  // Once the last points are drawn.
  await vi.waitFor(() => expect(press("End")).toMatch(/^Step 19: 1 FAdam, \S.* \d\.\d+$/));
  expect(press("ArrowLeft")).toMatch(/^Step 18: /);
  expect(press("Home")).toMatch(/^Step 0: /);
  expect(press("ArrowRight")).toMatch(/^Step 1: /);
});

test("where there is no WebGPU the page says what to do, and can train elsewhere", async () => {
  vi.spyOn(navigator, "gpu", "get").mockReturnValue(undefined as never);
  await train({ backend: "webgpu" });
  expect(find("[role=alert]").hidden).toBe(false);
  expect(find("[role=alert]").textContent).toMatch(/WebGPU: .*navigator\.gpu.*use a recent/);
  await train({ backend: "cpu-1", steps: "10" });
  expect(find("[role=alert]").hidden).toBe(true);
  expect(cells()).toHaveLength(1);
});
