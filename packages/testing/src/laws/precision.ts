import { type Case, type Definition, type Tensor, vjp } from "@amari/core";
import { epsilonOf, ulpDistance } from "@amari/core/backend";
import { MismatchError } from "../expect-close.ts";
import { operandDType } from "../sample.ts";
import { forSamples, type GeneratedLaw, require, resultsOf } from "./law.ts";

const takesFloats = (c: Case): boolean => c.operands.some((operand) => operandDType(operand) === "float64");

/**
 * The float32 result against the float64 result for the same (float32) operands, rounded once. An elementwise operation
 * may be off by its `ulp`, element by element; any other by its `ulp` times the largest magnitude among operands and
 * results, since it may cancel.
 */
export const float32Law: GeneratedLaw = {
  name: "float32 agrees with float64 within its ulp",
  appliesTo: ({ cases }) => cases.some(takesFloats),
  check: (operation, options = {}) =>
    forSamples(operation, options, takesFloats, ({ case: c, operands, what }) => {
      const narrow = operands.map((x) => (x.dtype === "float64" ? (x.astype("float32") as Tensor) : x));
      const wide = narrow.map((x) => (x.dtype === "float32" ? (x.astype("float64") as Tensor) : x));
      const results = resultsOf(c, narrow);
      resultsOf(c, wide).forEach((expected, i) => {
        const result = results[i]!;
        if (expected.dtype !== "float64" || result.dtype !== "float32") return;
        checkRounded(operation, result, expected, narrow, what);
      });
    }),
};

function checkRounded(
  operation: Definition,
  result: Tensor,
  expected: Tensor,
  operands: readonly Tensor[],
  what: string,
): void {
  const rounded = Float32Array.from(expected.dataSync());
  const largest = [...operands, result]
    .filter(({ dtype }) => dtype === "float32")
    .flatMap((x) => Array.from(x.dataSync(), Math.abs))
    .reduce((a, b) => Math.max(a, b), 0);
  const allowance = operation.family === "elementwise" ? 0 : operation.ulp * epsilonOf("float32") * largest;
  result.dataSync().forEach((x, i) => {
    const y = rounded[i]!;
    if (ulpDistance(x, y, "float32") <= Math.ceil(operation.ulp) || Math.abs(x - y) <= allowance) return;
    throw new MismatchError(
      `${what}: element ${i} is ${x} in float32, expected ${y} within ${operation.ulp} ulp; ` +
        `it is ${ulpDistance(x, y, "float32")} ulp apart`,
    );
  });
}

/** A gradient has the shape and the dtype of what it belongs to, also in float32. */
export const dtypeLaw: GeneratedLaw = {
  name: "cotangents have the types of the operands",
  appliesTo: ({ cases }) => cases.some(takesFloats),
  check: (operation, options = {}) =>
    forSamples(operation, { ...options, numRuns: 1 }, takesFloats, ({ case: c, operands, what }) => {
      const narrow = operands.map((x) => (x.dtype === "float64" ? (x.astype("float32") as Tensor) : x));
      const chosen = narrow.filter(({ dtype }) => dtype === "float32");
      const f = (...floats: Tensor[]): Tensor[] => {
        let next = 0;
        const all = narrow.map((x) => (x.dtype === "float32" ? floats[next++]! : x));
        return resultsOf(c, all).filter(({ dtype }) => dtype.startsWith("float"));
      };
      const [values, pullback] = vjp(f, ...chosen);
      pullback(values).forEach((cotangent, i) => {
        const [got, wanted] = [cotangent, chosen[i]!].map((x) => `${x.dtype}[${x.shape.join(", ")}]`);
        require(got === wanted, `${what}: expected a cotangent of type ${wanted}, got ${got}`);
        require(cotangent.dataSync().length === cotangent.size, `${what}: a cotangent lacks elements`);
      });
    }),
};
