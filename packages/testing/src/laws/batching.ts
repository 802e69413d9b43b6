import { type Case, stack, type Tensor, vmap, zeros } from "@amari/core";
import { epsilonOf } from "@amari/core/backend";
import { expectClose } from "../expect-close.ts";
import { operandDType, sampleCase, type Uniform } from "../sample.ts";
import { forSamples, type GeneratedLaw, isFloat, require, resultsOf, typesOf } from "./law.ts";

const batchSize = 3;

/** Which operands are mapped: each alone, and all together. */
function choices(c: Case): boolean[][] {
  const each = c.operands.map((_, i) => c.operands.map((_, j) => i === j));
  return c.operands.length > 1 ? [...each, c.operands.map(() => true)] : each;
}

type InAxes = readonly (number | null)[];

/** Calls a case through vmap on stacked operands. */
function callMapped(c: Case, stacked: readonly Tensor[], inAxes: InAxes): readonly Tensor[] {
  const mapped = vmap((...operands: Tensor[]) => [...resultsOf(c, operands)], { inAxes } as object) as (
    ...operands: readonly Tensor[]
  ) => Tensor[];
  return mapped(...stacked);
}

/** Samples for the mapped operands of each example, the same operand for the others. */
function samplesOf(
  c: Case,
  operands: readonly Tensor[],
  mapped: readonly boolean[],
  uniform: Uniform,
): Tensor[][] {
  return Array.from({ length: batchSize }, () => {
    const fresh = sampleCase(c, uniform);
    return operands.map((operand, i) => (mapped[i] ? fresh[i]! : operand));
  });
}

const stackOf = (examples: readonly (readonly Tensor[])[], i: number, axis: number): Tensor =>
  stack(
    examples.map((example) => example[i]!),
    axis,
  ) as Tensor;

/**
 * The sum of the magnitudes of float operands. A sum has an error in proportion to it where a backend adds in an order
 * that depends on the shape, and the batch changes the shape.
 */
const magnitudeOf = (operands: readonly Tensor[]): number =>
  operands.filter(isFloat).reduce((total, x) => total + x.abs().sum().itemSync(), 0);

export const vmapLaw: GeneratedLaw = {
  name: "vmap equals stacking",
  appliesTo: ({ cases }) => cases.length > 0,
  check: (operation, options = {}) =>
    forSamples(
      operation,
      options,
      () => true,
      ({ case: c, operands, uniform, what }) => {
        for (const mapped of choices(c)) {
          const examples = samplesOf(c, operands, mapped, uniform);
          const expected = examples.map((example) => resultsOf(c, example));
          for (const last of [false, true]) {
            const axes = operands.map((x, i) => (mapped[i] ? (last ? x.rank : 0) : null));
            const stacked = operands.map((x, i) => (mapped[i] ? stackOf(examples, i, axes[i]!) : x));
            callMapped(c, stacked, axes).forEach((result, i) => {
              expectClose(result, stackOf(expected, i, 0), {
                ulp: operation.ulp,
                ulpOfLargest: operation.ulp,
                absolute: operation.ulp * epsilonOf(result.dtype) * magnitudeOf(stacked),
                what: `${what}: vmap with inAxes [${axes.map(String).join(", ")}]`,
              });
            });
          }
        }
      },
    ),
};

export const emptyBatchLaw: GeneratedLaw = {
  name: "vmap over an empty batch gives an empty batch",
  appliesTo: ({ cases }) => cases.length > 0,
  check: (operation) => {
    for (const c of operation.cases) {
      const types = typesOf(c);
      const operands = c.operands.map(
        (operand) => zeros([0, ...operand.shape], { dtype: operandDType(operand) }) as Tensor,
      );
      callMapped(
        c,
        operands,
        operands.map(() => 0),
      ).forEach((result, i) => {
        const [got, expected] = [result.shape.join(), [0, ...types[i]!.shape].join()];
        require(got === expected, `${operation.name}: expected the shape [${expected}], got [${got}]`);
        require(result.dataSync().length === 0, `${operation.name}: an empty result has elements`);
      });
    }
  },
};

const poisons: readonly number[] = [Number.NaN, Infinity, -Infinity, -0];

/** An example of NaN or infinity must not spoil its neighbours, nor bring the operation down. */
export const isolationLaw: GeneratedLaw = {
  name: "NaN and infinity in one example leave the others alone",
  appliesTo: ({ cases }) => cases.some((c) => c.operands.some((o) => isFloat({ dtype: operandDType(o) }))),
  check: (operation, options = {}) =>
    forSamples(
      operation,
      options,
      (c) => c.operands.some((o) => isFloat({ dtype: operandDType(o) })),
      ({ case: c, operands, uniform, what }) => {
        const all = operands.map(() => true);
        const examples = samplesOf(c, operands, all, uniform);
        const poison = poisons[Math.floor(uniform() * poisons.length)]!;
        const poisoned = examples.with(
          1,
          examples[1]!.map((x) => (isFloat(x) ? x.mul(0).add(poison) : x)),
        );
        const run = (batch: Tensor[][]) =>
          callMapped(
            c,
            operands.map((_, i) => stackOf(batch, i, 0)),
            operands.map(() => 0),
          );
        const [clean, spoilt] = [run(examples), run(poisoned)];
        clean.forEach((result, i) => {
          for (const example of [0, 2]) {
            expectClose(spoilt[i]!.slice(example), result.slice(example), {
              signedZeros: true,
              what: `${what}: example ${example} beside an example of ${poison}`,
            });
          }
        });
      },
    ),
};
