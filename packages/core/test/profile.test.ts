import { cpuBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import {
  ArgumentError,
  BackendError,
  explain,
  jit,
  PlaceholderError,
  profile,
  setDefaultBackend,
  type Tensor,
  tensor,
  zeros,
} from "@amari/core";
import { beforeAll, describe, expect, it } from "vitest";

const backend = cpuBackend();
beforeAll(() => setDefaultBackend(backend));

const layer = (x: Tensor, w: Tensor): Tensor =>
  x
    .matmul(w as never)
    .add(1)
    .softmax() as Tensor;
const operands = (): [Tensor, Tensor] => [zeros([32, 16]), zeros([16, 64])];

describe("profile", () => {
  it.each([
    ["kernels of WebAssembly", backend],
    ["kernels of JavaScript", cpuBackend({ tier: "js" })],
  ])("has a stage for each of the schedule: %s", async (_, on) => {
    const { stages, milliseconds, rounds } = await profile(layer, { backend: on, rounds: 3 })(...operands());
    const { schedule, cost } = explain(layer)(...operands());
    expect(stages.map(({ kind }) => kind)).toEqual(schedule.stages.map(({ kind }) => kind));
    expect(stages.reduce((sum, { operations }) => sum + operations, 0)).toBe(cost.operations);
    expect(stages.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(cost.bytes);
    for (const stage of stages) {
      expect(stage.milliseconds).toBeGreaterThan(0);
      expect(stage.roofline).toBeGreaterThan(0);
    }
    expect(milliseconds).toBeCloseTo(
      stages.reduce((sum, stage) => sum + stage.milliseconds, 0),
      10,
    );
    expect(rounds).toBe(3);
  });

  it("names stages by what they do", async () => {
    const { stages } = await profile(layer, { rounds: 1 })(...operands());
    expect(stages.map(({ name }) => name)).toEqual([
      "dot 32 x 64, over 16",
      "max sum add isFinite where sub exp div (32 x 64)",
    ]);
  });

  it("prints a table, the slowest first", async () => {
    const text = String(await profile(jit(layer), { rounds: 1 })(...operands()));
    expect(text).toMatch(
      /^2 stages on the backend cpu: [\d.]+ ms, the best of 1 rounds each\nroofline: .*FLOP\/s/,
    );
    expect(text).toMatch(/stage +ms +share +B +FLOP +B\/s +FLOP\/s +roofline/);
    const shares = [...text.matchAll(/([\d.]+)% {2}/g)].map(([, share]) => Number(share));
    expect(shares).toEqual(shares.toSorted((a, b) => b - a));
  });

  it("knows where slow work is slow", async () => {
    const { stages } = await profile((x: Tensor) => [x.argsort(), x.slice([0, 10]).add(1)], { rounds: 3 })(
      tensor(Float32Array.from({ length: 20_000 }, (_, i) => Math.sin(i))) as Tensor,
    );
    const slowest = stages.toSorted((a, b) => b.milliseconds - a.milliseconds)[0]!;
    expect(slowest.name).toBe("argsort");
  });

  it("leaves the arguments as they are and keeps no memory", async () => {
    const x = tensor([1, 2, 3]).realise() as Tensor;
    await profile((y: Tensor) => y.mul(2), { rounds: 1 })(x);
    const before = backend.memoryBytes;
    for (let i = 0; i < 20; i++) await profile((y: Tensor) => y.mul(2), { rounds: 1 })(x);
    expect(backend.memoryBytes).toBe(before);
    expect([...(x.dataSync() as Float32Array)]).toEqual([1, 2, 3]);
  });

  it("says what it cannot do", async () => {
    const [x] = operands();
    await expect(profile(layer, { backend: referenceBackend() })(...operands())).rejects.toThrow(
      BackendError,
    );
    await expect(profile((y: Tensor) => y, { rounds: 0 })(x)).rejects.toThrow(ArgumentError);
    await expect(profile((y: Tensor) => y.sum().itemSync())(x)).rejects.toThrow(PlaceholderError);
  });
});
