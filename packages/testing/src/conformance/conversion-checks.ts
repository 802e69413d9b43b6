import type { DType, Tensor } from "@amari/core";
import { sampleValues } from "../fuzz/sample-values.ts";
import { valuesOf } from "../laws/special-values.ts";
import type { Check } from "./check.ts";

const count = 257;

/** What conversion rounds, wraps or clamps: halves, and the ends of the integers. */
const edges: readonly number[] = [
  0.5,
  -0.5,
  1.5,
  -1.5,
  2.5,
  0.99999994,
  -0.99999994,
  16777217,
  2147483647,
  2147483648,
  -2147483649,
  4294967295,
  4294967296,
  1e10,
  -1e10,
  1e-8,
  1 / 3,
  1 + 2 ** -24,
  1 + 2 ** -52,
];

/** Beyond 64 bits, and fewer than fill a vector. */
const far: readonly number[] = [1e19, -1e19, 2 ** 63];

/** The conversions from a dtype to every other. */
export function* conversionChecks(from: DType, to: readonly DType[]): Generator<Check> {
  const held = from.startsWith("float") ? edges : [];
  const values = [...valuesOf(from), ...held, ...sampleValues(from, count, 0, true)];
  for (const dtype of to) {
    if (dtype === from) continue;
    const check = (what: string, given: readonly number[]): Check => ({
      operation: "astype",
      what: `from ${from} to ${dtype}${what}`,
      inputs: [{ shape: [given.length], dtype: from, values: given }],
      f: (x) => [x!.astype(dtype) as Tensor],
      bound: { kind: "spread" },
    });
    yield check("", values);
    if (from.startsWith("float")) yield check(", from beyond 64 bits", far);
  }
}
