/// <reference types="vite/client" />
import { expect, test, vi } from "vitest";
import html from "./index.html?raw";
import { page } from "./page.ts";

const find = <E extends HTMLElement>(selector: string): E => document.querySelector<E>(selector)!;

test("a device that is lost in the middle leaves its run on the page, and the next run gets another", async () => {
  const devices: GPUDevice[] = [];
  const { requestDevice } = GPUAdapter.prototype;
  vi.spyOn(GPUAdapter.prototype, "requestDevice").mockImplementation(async function (this: GPUAdapter, wish) {
    const device = await requestDevice.call(this, wish);
    devices.push(device);
    return device;
  });
  document.body.innerHTML = new DOMParser().parseFromString(html, "text/html").body.innerHTML;
  page(document.body);
  const [go, status] = [find<HTMLButtonElement>("[type=submit]"), find("[role=status]")];
  find<HTMLSelectElement>("[name=backend]").value = "webgpu";
  find<HTMLInputElement>("[name=steps]").value = "10000";
  const ended = () => vi.waitFor(() => expect(go.disabled).toBe(false), 100_000);
  go.click();
  await vi.waitFor(() => expect(status.textContent).toMatch(/step \d+ of 10000/), 100_000);
  devices[0]!.destroy();
  await ended();
  expect(status.textContent).toMatch(/stopped after \d+ of 10000 steps, loss .*, then an error/);
  expect(find("[role=alert]").hidden).toBe(false);
  expect(find("[role=alert]").textContent).toMatch(/^WebGPU: .*device/);
  find<HTMLInputElement>("[name=steps]").value = "5";
  go.click();
  await ended();
  expect(devices).toHaveLength(2);
  expect(find("[role=alert]").hidden).toBe(true);
  expect(document.querySelectorAll("tbody tr")).toHaveLength(2);
  vi.restoreAllMocks();
});
