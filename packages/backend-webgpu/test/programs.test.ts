import { referenceBackend } from "@amari/backend-reference";
import { DeviceLostError, type WebgpuBackend } from "@amari/backend-webgpu";
import {
  arange,
  cond,
  DTypeError,
  grad,
  jit,
  ones,
  scan,
  setDefaultBackend,
  sort,
  type Tensor,
  tensor,
  valueAndGrad,
  whileLoop,
  zeros,
} from "@amari/core";
import { uniformFrom } from "@amari/testing";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { backendOrNull } from "./support.ts";

const found = await backendOrNull("programs on WebGPU");
const backend = found as WebgpuBackend;

afterAll(() => found?.close());
beforeEach(() => setDefaultBackend(backend));

/** The same on both backends; results are read from each. */
async function onBoth(f: () => Tensor): Promise<[Float32Array, Float32Array]> {
  setDefaultBackend(referenceBackend());
  const expected = (await f().data()) as Float32Array;
  setDefaultBackend(backend);
  return [(await f().data()) as Float32Array, expected];
}

const closeTo = (got: Float32Array, expected: Float32Array, relative: number): void => {
  expect(got.length).toBe(expected.length);
  const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  let worst = 0;
  got.forEach((x, i) => {
    worst = Math.max(worst, Math.abs(x - expected[i]!));
  });
  expect(worst).toBeLessThanOrEqual(relative * largest);
};

/** The same numbers from -1 to 1 on every backend. */
function numbers(...shape: number[]): Tensor {
  const uniform = uniformFrom(1);
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(Float32Array.from({ length: size }, () => 2 * uniform() - 1)).reshape(shape) as Tensor;
}

/** Counts how often something is handed over to the device. */
function countSubmits(): { stop(): number } {
  const { queue } = backend.device;
  const { submit } = queue;
  let count = 0;
  queue.submit = (buffers) => {
    count++;
    return submit.call(queue, buffers);
  };
  return {
    stop: () => {
      queue.submit = submit;
      return count;
    },
  };
}

describe.skipIf(found === null)("programs on WebGPU", () => {
  it("has the sizes of long and of many folds", { timeout: 90_000 }, async () => {
    for (const shape of [[100_000], [3, 20_000], [20_000, 3], [70, 1025], [9000, 65], [2, 3, 64, 17], [1]]) {
      for (const axis of [0, shape.length - 1]) {
        closeTo(
          ...(await onBoth(
            () =>
              numbers(...shape)
                .abs()
                .sum(axis) as Tensor,
          )),
          3e-5,
        );
        const [max, expected] = await onBoth(() => numbers(...shape).max(axis) as Tensor);
        expect(max).toEqual(expected);
      }
      closeTo(...(await onBoth(() => numbers(...shape).softmax() as Tensor)), 1e-5);
    }
  });

  it("counts workgroups beyond the limit of one dimension", async () => {
    const x = arange(3_000_000).astype("float32").mul(2);
    const data = await x.data();
    expect(data[2_999_999]).toBe(5_999_998);
    expect(data[2_100_001]).toBe(4_200_002);
  });

  it("multiplies matrices of all sizes and layouts", { timeout: 90_000 }, async () => {
    for (const [m, k, n] of [
      [5, 7, 6],
      [33, 65, 31],
      [64, 64, 64],
      [1, 300, 7],
      [7, 300, 1],
      [4, 1, 4],
      [130, 3, 5],
    ] as const) {
      closeTo(...(await onBoth(() => numbers(m, k).matmul(numbers(k, n)) as Tensor)), 1e-5);
      closeTo(
        ...(await onBoth(() => numbers(k, m).transpose().matmul(numbers(n, k).transpose()) as Tensor)),
        1e-5,
      );
      closeTo(...(await onBoth(() => numbers(3, m, k).matmul(numbers(k, n)) as Tensor)), 1e-5);
    }
  });

  it("keeps a bool in a word and gives it back as a byte", async () => {
    const mask = numbers(7, 5).gt(0);
    expect(await mask.data()).toBeInstanceOf(Uint8Array);
    expect((await mask.where(1, -1).sum().item()) as number).toBe(
      2 * ((await mask.astype("int32").sum().item()) as number) - 35,
    );
    expect(await tensor([true, false, true]).logicalNot().array()).toEqual([false, true, false]);
  });

  it("records the turns of a scan one after the other", { timeout: 60_000 }, async () => {
    const run = () =>
      scan(
        (sum: Tensor, x: Tensor) => [sum.add(x).mul(0.5), sum.mul(x)] as const,
        zeros([4]) as Tensor,
        numbers(50, 4),
      )[1] as Tensor;
    closeTo(...(await onBoth(run)), 1e-5);
    const gradient = () =>
      grad(((w: Tensor) =>
        scan(
          (s: Tensor, x: Tensor) => [s.mul(w).add(x), s] as const,
          zeros([4]) as Tensor,
          numbers(20, 4),
        )[0].sum()) as never)(ones([4]).mul(0.5) as never) as unknown as Tensor;
    closeTo(...(await onBoth(gradient)), 1e-5);
  });

  it("decides small conditions on the device, so that a scan over them is one recording", {
    timeout: 60_000,
  }, async () => {
    const f = jit((start: Tensor, xs: Tensor) =>
      scan(
        (sum: Tensor, x: Tensor) => {
          const next = cond(
            x.sum().gt(0) as Tensor<[]>,
            (s: Tensor) => s.add(x) as Tensor,
            (s: Tensor) => s.mul(0.5) as Tensor,
            sum,
          );
          return [next, next.max()] as [Tensor, Tensor];
        },
        start,
        xs,
      ),
    ) as unknown as (start: Tensor, xs: Tensor) => [Tensor, Tensor];
    closeTo(...(await onBoth(() => f(zeros([4]) as Tensor, numbers(40, 4))[1])), 1e-5);
    const [start, xs] = [zeros([4]).realise() as Tensor, numbers(40, 4).realise()];
    await f(start, xs)[1].data();
    const submits = countSubmits();
    const [result] = f(start, xs);
    result.realise();
    await backend.flush();
    expect(submits.stop()).toBe(1);
  });

  it("takes the branch that the predicate names although the other makes NaN", async () => {
    const root = (x: Tensor) =>
      cond(
        x.sum().ge(0) as Tensor<[]>,
        (y: Tensor) => y.sqrt() as Tensor,
        (y: Tensor) => y.mul(0) as Tensor,
        x,
      );
    expect(await root(tensor([4, 9]) as Tensor).array()).toEqual([2, 3]);
    expect(
      await root(tensor([-4, -9]) as Tensor)
        .add(1)
        .array(),
    ).toEqual([1, 1]);
    const gradient = grad(((x: Tensor) => root(x).sum()) as never) as unknown as (x: Tensor) => Tensor;
    expect(await gradient(tensor([4, 16]) as Tensor).array()).toEqual([0.25, 0.125]);
    expect(
      await gradient(tensor([-4, -16]) as Tensor)
        .add(1)
        .array(),
    ).toEqual([1, 1]);
  });

  it("looks at the condition of a loop once for several turns", { timeout: 60_000 }, async () => {
    const count = jit((limit: Tensor) =>
      whileLoop(
        ([i]: [Tensor, Tensor]) => i.lt(limit) as Tensor<[]>,
        ([i, x]: [Tensor, Tensor]) => [i.add(1), x.add(i.astype("float32"))] as [Tensor, Tensor],
        [tensor(0, { dtype: "int32" }) as Tensor, zeros([3]) as Tensor],
      ),
    ) as unknown as (limit: Tensor) => [Tensor, Tensor];
    for (const turns of [0, 1, 2, 3, 7, 100]) {
      const limit = tensor(turns, { dtype: "int32" }).realise() as Tensor;
      const submits = countSubmits();
      const [i, x] = count(limit);
      expect(await x.array()).toEqual([1, 1, 1].map(() => (turns * Math.max(0, turns - 1)) / 2));
      expect(await i.item()).toBe(turns);
      // 100 turns are looked at 7 times, each a recording and a read; the results are two more reads.
      expect(submits.stop()).toBeLessThan(25);
    }
  });

  it("asks conditions on the host where turns are long or need it", { timeout: 60_000 }, async () => {
    const sorted = whileLoop(
      (x: Tensor) => x.sum().lt(100) as Tensor<[]>,
      (x: Tensor) => sort(x.mul(-2) as Tensor).abs() as Tensor,
      tensor([3, 1, 2]) as Tensor,
    );
    expect(await sorted.array()).toEqual([96, 64, 32]);
    const large = whileLoop(
      (x: Tensor) => x.max().lt(100) as Tensor<[]>,
      (x: Tensor) => x.mul(2) as Tensor,
      ones([1_200_000]) as Tensor,
    );
    expect(await large.max().item()).toBe(128);
  });

  it("decides conditions and loops by values", { timeout: 60_000 }, async () => {
    const doubled = whileLoop(
      (x: Tensor) => x.sum().lt(1000) as Tensor<[]>,
      (x: Tensor) => x.mul(2) as Tensor,
      ones([3]) as Tensor,
    );
    expect(await doubled.array()).toEqual([512, 512, 512]);
    const choose = jit((x: Tensor) =>
      cond(
        x.sum().gt(0) as Tensor<[]>,
        (y: Tensor) => y.mul(10) as Tensor,
        (y: Tensor) => y.neg() as Tensor,
        x,
      ),
    );
    expect(await choose(ones([2]) as Tensor).array()).toEqual([10, 10]);
    expect(await choose(ones([2]).neg() as Tensor).array()).toEqual([1, 1]);
  });

  it("lets the host sort between two kernels", async () => {
    const f = jit((x: Tensor) => sort(x.mul(-1) as Tensor).mul(2) as Tensor);
    expect(await f(tensor([3, 1, 2]) as Tensor).array()).toEqual([-6, -4, -2]);
  });

  it("trains in flat memory, awaited or not", { timeout: 60_000 }, async () => {
    const x = numbers(64, 8);
    const y = numbers(64, 1);
    const step = jit(
      (w: Tensor, x: Tensor, y: Tensor) => {
        const [loss, gradient] = valueAndGrad(((w: Tensor) => x.matmul(w).sub(y).square().mean()) as never)(
          w as never,
        ) as unknown as [Tensor, Tensor];
        return [w.sub(gradient.mul(0.1)), loss] as [Tensor, Tensor];
      },
      { donate: [0] },
    );
    let w = zeros([8, 1]) as Tensor;
    let loss: Tensor;
    [w, loss] = step(w, x, y);
    const first = await loss.item();
    for (let i = 0; i < 20; i++) [w, loss] = step(w, x, y);
    await loss.item();
    const before = backend.memoryBytes;
    for (let i = 0; i < 1000; i++) [w, loss] = step(w, x, y);
    expect(await loss.item()).toBeLessThan(first);
    for (let i = 0; i < 300; i++) {
      [w, loss] = step(w, x, y);
      await loss.item();
    }
    expect(backend.memoryBytes).toBe(before);
  });

  it("does not wait for compilation where nothing is awaited", async () => {
    let x = ones([3]) as Tensor;
    // Each turn is a program of its own, so that none is compiled when it is first run.
    for (let i = 1; i < 40; i++) x = x.add(ones([i]).sum()).realise() as Tensor;
    expect(await x.array()).toEqual([781, 781, 781]);
  });

  it("gives typed errors for what it cannot do", async () => {
    expect(() => ones([2], { dtype: "float64" }).add(1).realise()).toThrow(DTypeError);
  });

  it("says that the device is lost", async () => {
    const other = (await backendOrNull("a second device"))!;
    const x = await ones([4]).to(other);
    const sum = x.mul(2).realise();
    await other.close();
    await expect(sum.data()).rejects.toThrow(DeviceLostError);
    expect(() => x.add(1).realise()).toThrow(DeviceLostError);
    // The program runs on another device again.
    expect(await ones([4]).mul(2).array()).toEqual([2, 2, 2, 2]);
  });
});

describe.skipIf(found === null)("a kernel that is left to the host", () => {
  it("gives what is fused with it the bits that it has on the device", async () => {
    const uniform = uniformFrom(1);
    const numbers = () => tensor(Float32Array.from({ length: 512 }, () => 6 * uniform() - 3)) as Tensor;
    const [x, y] = [numbers(), numbers()];
    const onHost = (x: Tensor, y: Tensor) => x.logAddExp(y);
    const onDevice = (x: Tensor, y: Tensor) => x.sub(y).sigmoid().mul(x.exp());
    const together = jit((x: Tensor, y: Tensor) => onDevice(x, y).mul(onHost(x, y)));
    const [a, b] = [jit(onDevice)(x, y).realise(), jit(onHost)(x, y).realise()];
    expect(await together(x, y).data()).toEqual(await a.mul(b).data());
  });
});
