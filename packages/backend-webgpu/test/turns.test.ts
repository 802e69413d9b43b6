import {
  BackendError,
  cumLogSumExp,
  iota,
  jit,
  lgamma,
  ones,
  profile,
  setDefaultBackend,
  type Tensor,
  tensor,
  whileLoop,
} from "@amari/core";
import { beforeAll, describe, expect, it } from "vitest";
import { DeviceLostError, type WebgpuBackend } from "../src/index.ts";
import { Backpressure } from "../src/run/backpressure.ts";
import { backendOrNull } from "./support.ts";

const backend = await backendOrNull("synchronous reads");

const immediates = () => process.getActiveResourcesInfo().filter((name) => name === "Immediate").length;

describe.skipIf(backend === null)("synchronous code waits for the device", () => {
  beforeAll(() => setDefaultBackend(backend as WebgpuBackend));

  it("reads what was computed", () => {
    expect(backend!.capabilities.synchronousReads).toBe(true);
    expect(tensor([1, 2, 3]).mul(2).arraySync()).toEqual([2, 4, 6]);
    expect(iota([5]).sum().itemSync()).toBe(10);
    expect(ones([0]).add(1).dataSync().length).toBe(0);
    expect(String(tensor([1, 2]).add(1).realise())).toBe("Tensor(float32[2], [2,3])");
  });

  it("reads it through programs that go over the host and conditions that the host decides", () => {
    expect(
      lgamma(tensor([3, 4]))
        .exp()
        .round()
        .arraySync(),
    ).toEqual([2, 6]);
    const last = cumLogSumExp(ones([1000])).slice([999, 1000]) as Tensor;
    expect(last.dataSync()[0]).toBeCloseTo(1 + Math.log(1000), 4);
    const doubled = whileLoop(
      (x: Tensor) => x.lt(1000) as Tensor,
      (x: Tensor) => x.mul(2) as Tensor,
      tensor(1) as Tensor,
    );
    expect(doubled.itemSync()).toBe(1024);
  });

  it("agrees with a promise that is waited for at the same time", async () => {
    const x = tensor([3]).add(4).realise();
    const promise = x.item();
    expect(x.itemSync()).toBe(7);
    expect(await promise).toBe(7);
  });

  it("leaves one look at the device to the event loop, however often it reads", async () => {
    for (let i = 0; i < 200; i++) expect(tensor([i]).add(1).itemSync()).toBe(i + 1);
    expect(immediates()).toBeLessThanOrEqual(2);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await tensor([1]).add(1).item()).toBe(2);
  });

  it("gives the global setImmediate back", () => {
    const before = globalThis.setImmediate;
    ones([3]).add(1).dataSync();
    expect(globalThis.setImmediate).toBe(before);
  });

  it("cannot wait for what the device's clock says, and says so", async () => {
    const x = ones([2]).add(1).realise();
    const taking = profile((y: Tensor) => y.exp())(ones([3]));
    const refusals = new Set<string>();
    let isOver = false;
    const poll = (): void => {
      if (isOver) return;
      try {
        x.dataSync();
      } catch (error) {
        expect(error).toBeInstanceOf(BackendError);
        refusals.add((error as Error).message);
      }
      setTimeout(poll, 1);
    };
    poll();
    await taking;
    isOver = true;
    expect([...refusals]).toEqual([expect.stringMatching(/while a profile is taken/)]);
    expect(x.arraySync()).toEqual([2, 2]);
  });

  it("says that the device is gone", async () => {
    const other = (await backendOrNull("a second device"))!;
    const x = (await ones([4]).to(other)).mul(2).realise();
    await other.close();
    expect(() => x.dataSync()).toThrow(DeviceLostError);
  });

  it("takes as long as the device where it is far ahead", () => {
    const step = jit((x: Tensor) => x.matmul(x).tanh() as Tensor);
    let x = ones([8, 8]).mul(0.1) as Tensor;
    for (let i = 0; i < 6000; i++) x = step(x);
    // What was handed over is nearly done.
    const begin = performance.now();
    x.dataSync();
    expect(performance.now() - begin).toBeLessThan(20_000);
  }, 60_000);
});

describe("backpressure", () => {
  it("waits at each mark for the mark before", () => {
    const states: { mapState: string }[] = [];
    const waited: string[] = [];
    const device = {
      createBuffer: () => {
        const buffer = { mapState: "unmapped", mapAsync, destroy: () => {} };
        async function mapAsync() {
          buffer.mapState = "pending";
        }
        states.push(buffer);
        return buffer;
      },
      createCommandEncoder: () => ({ clearBuffer: () => {}, finish: () => ({}) }),
      queue: { submit: () => {} },
    };
    const turns = {
      ask: <T>(ask: () => T): T => ask(),
      blockUntil: (isOver: () => boolean) => {
        waited.push(isOver() ? "over" : "pending");
        states.at(-1)!.mapState = "mapped";
        expect(isOver()).toBe(true);
      },
    };
    const backpressure = new Backpressure(device as never, turns as never);
    backpressure.note(4095);
    expect(states).toHaveLength(0);
    backpressure.note(1);
    expect([states.length, waited.length]).toEqual([1, 0]);
    backpressure.note(5000);
    expect([states.length, waited]).toEqual([2, ["pending"]]);
  });
});
