import { explain, grad, type Tensor, zeros } from "@amari/core";
import { printMemoryPlan, printSchedule } from "@amari/core/backend";
import { crossEntropy } from "@amari/nn";
import { describe, expect, it } from "vitest";
import "../support.ts";

/** The kernels of a function as text. */
const scheduled = (f: (...args: Tensor[]) => unknown, ...args: Tensor[]): string =>
  `\n${printSchedule(explain(f)(...args).schedule)}\n`;

const matrix = zeros([32, 10]) as Tensor;

describe("fusion", () => {
  it("makes a chain of elementwise operations and views one loop", () => {
    const chain = (x: Tensor, y: Tensor) =>
      x
        .mul(2)
        .add(y as never)
        .tanh()
        .transpose()
        .flip(0);
    expect(scheduled(chain, matrix, zeros([10]) as Tensor)).toMatchInlineSnapshot(`
      "
      b0: float32[32, 10], input 0
      b1: float32[10], input 1
      b2: float32[10, 32], output 0
      kernel
        for i < 10, j < 32
          b2[32i + j] = tanh(b0[-i + 10j + 9] * n0 + b1[-i + 9])
      "
    `);
  });

  it("makes a sum with what comes before and after it one kernel", () => {
    expect(scheduled((x) => x.square().sum(1).sqrt(), matrix)).toMatchInlineSnapshot(`
      "
      b0: float32[32, 10], input 0
      b1: float32[32], output 0
      kernel
        for i < 32
          for j < 10
            a0 += square(b0[10i + j])
          b1[i] = sqrt(a0)
      "
    `);
  });

  it("makes softmax one kernel", () => {
    expect(scheduled((x) => x.softmax(), matrix)).toMatchInlineSnapshot(`
      "
      b0: float32[32, 10], input 0
      b1: float32[32, 10], output 0
      b3: float32[32, 10]
      kernel
        for i < 32
          for j < 10
            a0 = max(a0, b0[10i + j])
          for j < 10
            t0 = exp(b0[10i + j] - (isFinite(a0) ? a0 : n0))
            a1 += t0
            b3[10i + j] = t0
          for j < 10
            b1[10i + j] = b3[10i + j] / a1
      "
    `);
  });

  it("makes layer normalisation one kernel", () => {
    const layerNorm = (x: Tensor, scale: Tensor, shift: Tensor) => {
      const centred = x.sub(x.mean(1, { keepDims: true }) as never) as Tensor;
      const variance = centred.square().mean(1, { keepDims: true }) as Tensor;
      return centred
        .div(variance.add(1e-5).sqrt() as never)
        .mul(scale as never)
        .add(shift as never);
    };
    expect(scheduled(layerNorm, matrix, zeros([10]) as Tensor, zeros([10]) as Tensor)).toMatchInlineSnapshot(`
      "
      b0: float32[32, 10], input 0
      b1: float32[10], input 1
      b2: float32[10], input 2
      b3: float32[32, 10], output 0
      kernel
        for i < 32
          for j < 10
            a0 += b0[10i + j]
          for j < 10
            a1 += square(b0[10i + j] - a0 / n0)
          for j < 10
            b3[10i + j] = (b0[10i + j] - a0 / n0) / sqrt(a1 / n0 + n1) * b1[j] + b2[j]
      "
    `);
  });

  it("makes cross entropy one kernel", () => {
    const loss = (x: Tensor, y: Tensor) => crossEntropy(x as never, y as never);
    expect(scheduled(loss, matrix, zeros([32], { dtype: "int32" }) as Tensor)).toMatchInlineSnapshot(`
      "
      b0: float32[32, 10], input 0
      b1: int32[32], input 1
      b2: float32[32], output 0
      kernel
        for i < 32
          for j < 10
            a0 = max(a0, b0[10i + j])
          for j < 10
            a1 += exp(b0[10i + j] - (isFinite(a0) ? a0 : n0))
          t0 = b1[i] < n1 ? n2 : b1[i]
          t1 = t0 < 0 ? t0 + 10 : t0
          t2 = t1 >= 0 & t1 < 10
          b2[i] = -(t2 ? b0[10i + 1 * (t2 ? t1 : 0)] - (isFinite(a0) ? a0 : n0) - log(a1) : NaN)
      "
    `);
  });

  it("loads what several kernels would compute from several arrays, and computes what is cheap", () => {
    const stream = (a: Tensor, b: Tensor, c: Tensor) => {
      const [x, y] = [a.add(b as never).add(c as never) as Tensor, a.neg() as Tensor];
      return [x.sum(0), x.sum(1), x.mul(2), y.sum(0), y.sum(1)];
    };
    expect(scheduled(stream, matrix, matrix, matrix)).toMatchInlineSnapshot(`
      "
      b0: float32[32, 10], input 0
      b1: float32[32, 10], input 1
      b2: float32[32, 10], input 2
      b3: float32[10], output 0
      b4: float32[32], output 1
      b5: float32[32, 10], output 2
      b6: float32[10], output 3
      b7: float32[32], output 4
      b8: float32[32, 10]
      kernel
        for i < 32
          for j < 10
            t0 = b0[10i + j] + b1[10i + j] + b2[10i + j]
            a0 += t0
            a1 += -b0[10i + j]
            b8[10i + j] = t0
            b5[10i + j] = t0 * n0
          b4[i] = a0
          b7[i] = a1
      kernel
        for i < 10
          for j < 32
            a0 += b8[i + 10j]
            a1 += -b0[i + 10j]
          b3[i] = a0
          b6[i] = a1
      "
    `);
  });

  it("computes once what a cheap operation makes of a costly one", () => {
    const updates = (count: Tensor, a: Tensor, b: Tensor) => {
      const correction = count.mul(0.25).expm1().neg() as Tensor;
      return [a.div(correction as never), b.transpose().div(correction as never)];
    };
    const [a, b] = [zeros([300, 100]) as Tensor, zeros([200, 300]) as Tensor];
    expect(scheduled(updates, zeros([]) as Tensor, a, b)).toMatchInlineSnapshot(`
      "
      b0: float32, input 0
      b1: float32[300, 100], input 1
      b2: float32[200, 300], input 2
      b3: float32[300, 100], output 0
      b4: float32[300, 200], output 1
      b5: float32
      kernel
        b5[0] = expm1(b0[0] * n0)
      kernel
        for i < 300, j < 100
          b3[100i + j] = b1[100i + j] / -b5[0]
      kernel
        for i < 300, j < 200
          b4[200i + j] = b2[i + 300j] / -b5[0]
      "
    `);
  });

  it("makes the gradient of a perceptron products with loops between them, in little memory", () => {
    const loss = (w: { first: Tensor; second: Tensor }, x: Tensor) =>
      x
        .matmul(w.first as never)
        .tanh()
        .matmul(w.second as never)
        .square()
        .mean() as Tensor<[]>;
    const weights = { first: zeros([10, 6]) as Tensor, second: zeros([6, 1]) as Tensor };
    const { schedule, plan } = explain(grad(loss))(weights, matrix);
    expect(`\n${printSchedule(schedule)}\n`).toMatchInlineSnapshot(`
      "
      b0: float32[10, 6], input 0
      b1: float32[6, 1], input 1
      b2: float32[32, 10], input 2
      b3: float32[10, 6], output 0
      b4: float32[6, 1], output 1
      b5: float32[32, 6]
      b6: float32[32, 6]
      b7: float32[32, 1]
      b8: float32[32, 1]
      b9: float32[32, 6]
      b10: float32[32, 6]
      dot b5 = b2[10, 1] @ b0[6, 1] (32 x 6, over 10)
      kernel
        for i < 32, j < 6
          b6[6i + j] = tanh(b5[6i + j])
      dot b7 = b6[6, 1] @ b1[1, 1] (32 x 1, over 6)
      kernel
        for i < 32
          b8[i] = 1 / n0 * (b7[i] * n2)
      dot b4 = b6[1, 6] @ b8[1, 1] (6 x 1, over 32)
      dot b9 = b8[1, 1] @ b1[1, 1] (32 x 6, over 1)
      kernel
        for i < 32, j < 6
          b10[6i + j] = b9[6i + j] * (-square(b6[6i + j]) + n1)
      dot b3 = b2[1, 10] @ b10[6, 1] (10 x 6, over 32)
      "
    `);
    expect(`\n${printMemoryPlan(plan, schedule)}\n`).toMatchInlineSnapshot(`
      "
      1664 bytes for 3 temporaries
        b5: 0..768
        b7: 1536..1664
        b9: 768..1536
        b6: in place of b5
        b8: in place of b7
        b10: in place of b9
      "
    `);
  });
});
