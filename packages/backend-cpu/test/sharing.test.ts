import { type CpuBackend, cpuBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import { explain, jit, random, setDefaultBackend, type Tensor } from "@amari/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

let backend: CpuBackend;
beforeEach(() => {
  backend = cpuBackend({ threads: 1 });
  setDefaultBackend(backend);
});
afterEach(() => backend.close());

type Trees = readonly Tensor[];
type Step = (...operands: Tensor[]) => Trees;
type Shapes = readonly (readonly number[])[];

const operandsOf = (shapes: Shapes): Tensor[] =>
  shapes.map((shape, i) => random.normal(random.key(i), shape).realise() as Tensor);

/** How many functions the module of a program has, the one that calls the others not counted. */
const functionsOf = (f: Step, shapes: Shapes): number =>
  explain(f as never)(...operandsOf(shapes)).code!.match(/^\(func /gm)!.length - 1;

/** How far the results lie from those of the reference, at most. */
function differenceFromReference(f: Step, shapes: Shapes): number {
  const run = () =>
    (jit(f as never) as unknown as Step)(...operandsOf(shapes)).flatMap((y) => [
      ...(y.dataSync() as Float32Array),
    ]);
  const compiled = run();
  setDefaultBackend(referenceBackend());
  const reference = run();
  return Math.max(...compiled.map((value, i) => Math.abs(value - reference[i]!)));
}

describe("kernels that do the same on other memory share a function", () => {
  const sizes = [[50, 100], [70, 60], [4500]];
  const cases: readonly (readonly [string, Step, Shapes, number])[] = [
    ["arrays of other shapes", (...xs) => xs.map((x) => x.square().add(1)), sizes, 1],
    ["other numbers", (...xs) => xs.map((x, i) => x.mul(i + 2).sub(i / 4)), sizes, 1],
    [
      "equal layers",
      (x, ...weights) => [
        weights.reduce((y, w) => (y.matmul(w as never) as Tensor).tanh().add(y), x!).softmax() as Tensor,
      ],
      [[64, 64], ...Array.from({ length: 4 }, () => [64, 64])],
      // The product, tanh with the sum, the last one of which has the softmax with it.
      3,
    ],
  ];
  it.each(cases)("%s", (_, f, shapes, functions) => {
    expect(functionsOf(f, shapes)).toBe(functions);
    expect(differenceFromReference(f, shapes)).toBeLessThan(1e-4);
  });

  const apart: readonly (readonly [string, Step, Shapes])[] = [
    ["the operation", (x, y) => [x!.add(1), y!.sub(1)], [[5000], [5001]]],
    ["the constant of a lowering", (x, y) => [x!.exp(), y!.expm1()], [[5000], [5001]]],
    ["the way through memory", (x, y) => [x!.transpose().neg(), y!.neg()], [[60, 100], [6001]]],
    ["the operands' order", (x, y) => [x!.sub(x!.flip(0)), y!.flip(0).sub(y!)], [[5000], [5000]]],
    ["which operands are the same", (x, y, z) => [x!.mul(y!), z!.mul(z!)], [[5000], [5000], [5001]]],
    [
      "the length of a fold",
      (x, y) => [x!.sum(1), y!.sum(1)],
      [
        [600, 64],
        [600, 128],
      ],
    ],
    [
      "the fold",
      (x, y) => [x!.sum(1), y!.max(1)],
      [
        [600, 64],
        [601, 64],
      ],
    ],
    [
      "the size of a product",
      (x, y) => [x!.matmul(x! as never) as Tensor, y!.matmul(y! as never) as Tensor],
      [
        [64, 64],
        [96, 96],
      ],
    ],
  ];
  it.each(apart)("but not where %s differs", (_, f, shapes) => {
    expect(functionsOf(f, shapes)).toBeGreaterThan(1);
    expect(differenceFromReference(f, shapes)).toBeLessThan(1e-4);
  });
});
