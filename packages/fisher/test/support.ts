import { referenceBackend } from "@amari/backend-reference";
import { setDefaultBackend, type Tensor, tensor, treeLeaves } from "@amari/core";
import { fc } from "@fast-check/vitest";
import type { PerceptronParameters } from "../src/index.ts";

setDefaultBackend(referenceBackend());

/** Half the distance from 1 to the next float64: the largest relative error of one rounding. */
export const u = 2 ** -53;

/** A float64 tensor of host numbers. */
export const t64 = (data: readonly number[], shape: readonly number[] = [data.length]): Tensor =>
  tensor(data, { shape, dtype: "float64" }) as Tensor;

/** An arbitrary float64 tensor with elements between -bound and bound. */
export const tensors = (shape: readonly number[], bound = 2): fc.Arbitrary<Tensor> => {
  const size = shape.reduce((a, b) => a * b, 1);
  return fc
    .array(fc.double({ min: -bound, max: bound, noNaN: true }), { minLength: size, maxLength: size })
    .map((data) => t64(data, shape));
};

/** The largest magnitude in a tree of tensors. */
export const largest = (tree: unknown): number =>
  Math.max(0, ...treeLeaves(tree).flatMap((leaf) => Array.from(leaf.dataSync(), Math.abs)));

/** The largest difference of corresponding elements of two trees; NaN where there is one. */
export function difference(actual: unknown, expected: unknown): number {
  const [a, b] = [treeLeaves(actual), treeLeaves(expected)];
  if (a.length !== b.length) throw new Error(`trees of ${a.length} and ${b.length} tensors`);
  return Math.max(
    0,
    ...a.flatMap((leaf, i) => {
      const other = b[i]!;
      if (leaf.shape.join() !== other.shape.join())
        throw new Error(`shapes ${leaf.shape} and ${other.shape}`);
      const expectedData = other.dataSync();
      return Array.from(leaf.dataSync(), (x, j) => Math.abs(x - expectedData[j]!));
    }),
  );
}

/** `difference` in units of the largest expected element. */
export const relativeDifference = (actual: unknown, expected: unknown): number =>
  difference(actual, expected) / largest(expected);

/** A repeatable source of uniform numbers for tests that sample on the host (xorshift, 32 bits). */
export function hostRandom(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

/** A float64 tensor of standard normal numbers (Box-Muller), for fixed examples. */
export function normals(shape: readonly number[], seed: number): Tensor {
  const uniform = hostRandom(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  const draw = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return t64(Array.from({ length: size }, draw), shape);
}

/** The perceptron of 2 inputs, 3 hidden units and 3 classes: 21 parameters. */
export const perceptronOf = (inputs = 2, hidden = 3, outputs = 3): fc.Arbitrary<PerceptronParameters> =>
  fc.tuple(
    fc.record({ w: tensors([inputs, hidden]), b: tensors([hidden], 1) }),
    fc.record({ w: tensors([hidden, outputs]), b: tensors([outputs], 1) }),
  );

/** A fixed perceptron with standard normal parameters. */
export const perceptron = (
  seed: number,
  [inputs, hidden, outputs]: readonly [number, number, number] = [2, 3, 3],
): PerceptronParameters => [
  { w: normals([inputs, hidden], seed), b: normals([hidden], seed + 1) },
  { w: normals([hidden, outputs], seed + 2), b: normals([outputs], seed + 3) },
];

/** An arbitrary vector of n class indices. */
export const labels = (n: number, classes: number): fc.Arbitrary<Tensor> =>
  fc
    .array(fc.integer({ min: 0, max: classes - 1 }), { minLength: n, maxLength: n })
    .map((data) => tensor(data, { dtype: "int32" }) as Tensor);

/** The middle one of an odd number of values, or the upper of the two middle ones. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1]!;
