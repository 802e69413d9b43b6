import { type Case, type Definition, type Tensor, vjp } from "@amari/core";
import { epsilonOf, toTypedArray, ulpDistance, ulpIn } from "@amari/core/backend";
import { MismatchError } from "../expect-close.ts";
import { operandDType } from "../sample.ts";
import { forSamples, type GeneratedLaw, require, resultsOf } from "./law.ts";

const takesFloats = (c: Case): boolean => c.operands.some((operand) => operandDType(operand) === "float64");

/** The floats narrower than float64, in which operations are tested against it. */
type Narrow = "float32" | "float16";

const narrowed = (operands: readonly Tensor[], dtype: Narrow): Tensor[] =>
  operands.map((x) => (x.dtype === "float64" ? (x.astype(dtype) as Tensor) : x));

/**
 * The result in a narrow float against the float64 result for the same operands, rounded once. An elementwise operation
 * may be off by its `ulp`, element by element; any other by its `ulp` times the largest magnitude among operands and
 * results, since it may cancel.
 */
const precisionLaw = (dtype: Narrow): GeneratedLaw => ({
  name: `${dtype} agrees with float64 within its ulp`,
  appliesTo: ({ cases }) => cases.some(takesFloats),
  check: (operation, options = {}) =>
    forSamples(operation, options, takesFloats, ({ case: c, operands, what }) => {
      const narrow = narrowed(operands, dtype);
      const wide = narrow.map((x) => (x.dtype === dtype ? (x.astype("float64") as Tensor) : x));
      const results = resultsOf(c, narrow);
      resultsOf(c, wide).forEach((expected, i) => {
        const result = results[i]!;
        if (expected.dtype !== "float64" || result.dtype !== dtype) return;
        checkRounded(operation, result, expected, narrow, what);
      });
    }),
});

export const float32Law: GeneratedLaw = precisionLaw("float32");

export const float16Law: GeneratedLaw = precisionLaw("float16");

function checkRounded(
  operation: Definition,
  result: Tensor,
  expected: Tensor,
  operands: readonly Tensor[],
  what: string,
): void {
  const { dtype } = result;
  const rounded = toTypedArray(dtype, expected.dataSync());
  // What an operation expands into rounds each time, in every dtype, and its error counts that.
  const ulp = operation.primitive === null ? operation.ulp : ulpIn(dtype, operation.ulp);
  const largest = [...operands, result]
    .filter((x) => x.dtype === dtype)
    .flatMap((x) => Array.from(x.dataSync(), Math.abs))
    .reduce((a, b) => Math.max(a, b), 0);
  const allowance = operation.family === "elementwise" ? 0 : ulp * epsilonOf(dtype) * largest;
  result.dataSync().forEach((x, i) => {
    const y = rounded[i]!;
    if (ulpDistance(x, y, dtype) <= Math.ceil(ulp) || Math.abs(x - y) <= allowance) return;
    throw new MismatchError(
      `${what}: element ${i} is ${x} in ${dtype}, expected ${y} within ${ulp} ulp; ` +
        `it is ${ulpDistance(x, y, dtype)} ulp apart`,
    );
  });
}

/** A gradient has the shape and the dtype of what it belongs to, also in narrow floats. */
export const dtypeLaw: GeneratedLaw = {
  name: "cotangents have the types of the operands",
  appliesTo: ({ cases }) => cases.some(takesFloats),
  check: (operation, options = {}) =>
    forSamples(operation, { ...options, numRuns: 1 }, takesFloats, ({ case: c, operands, what }) => {
      for (const dtype of ["float32", "float16"] as const) {
        const narrow = narrowed(operands, dtype);
        const chosen = narrow.filter((x) => x.dtype === dtype);
        const f = (...floats: Tensor[]): Tensor[] => {
          let next = 0;
          const all = narrow.map((x) => (x.dtype === dtype ? floats[next++]! : x));
          return resultsOf(c, all).filter((x) => x.dtype.startsWith("float"));
        };
        const [values, pullback] = vjp(f, ...chosen);
        pullback(values).forEach((cotangent, i) => {
          const [got, wanted] = [cotangent, chosen[i]!].map((x) => `${x.dtype}[${x.shape.join(", ")}]`);
          require(got === wanted, `${what}: expected a cotangent of type ${wanted}, got ${got}`);
          require(cotangent.dataSync().length === cotangent.size, `${what}: a cotangent lacks elements`);
        });
      }
    }),
};
