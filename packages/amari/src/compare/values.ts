import type { Backend, DType, Tensor, TypedArray } from "@amari/core";
import { AmariError, getDefaultBackend, setDefaultBackend } from "@amari/core";
import { isFloat, ulpDistance } from "@amari/core/backend";

/** Values that were read from a backend. */
export interface Value {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

/** How far values are apart, and where the furthest are. */
export interface Difference {
  /** In units in the last place; of integers and bools infinite where they differ. */
  readonly ulp: number;
  /** Relative to the largest magnitude of the expected values. */
  readonly relative: number;
  /** The place of the element that is furthest apart in ulp, as `result 0 [1, 2]`; empty where all are equal. */
  readonly place: string;
  readonly got: number;
  readonly expected: number;
}

const none: Difference = { ulp: 0, relative: 0, place: "", got: 0, expected: 0 };

/** The largest difference between what a backend gave and what was expected. */
export function difference(got: readonly Value[], expected: readonly Value[]): Difference {
  let worst = none;
  got.forEach((value, i) => {
    const wanted = expected[i]!;
    const largest = largestIn(wanted.data);
    value.data.forEach((x, at) => {
      const y = wanted.data[at]!;
      if (Object.is(x, y) || x === y) return;
      const ulp = isFloat(value.dtype) ? ulpDistance(x, y, value.dtype) : Infinity;
      const relative = Math.max(worst.relative, ulp === 0 ? 0 : Math.abs(x - y) / largest);
      worst =
        ulp > worst.ulp
          ? { ulp, relative, place: placeOf(i, at, value.shape), got: x, expected: y }
          : { ...worst, relative };
    });
  });
  return worst;
}

function placeOf(result: number, at: number, shape: readonly number[]): string {
  const index = shape
    .toReversed()
    .map((extent) => {
      const here = at % extent;
      at = Math.floor(at / extent);
      return here;
    })
    .reverse();
  return `result ${result} [${index.join(", ")}]`;
}

/** The largest finite magnitude among values of floats. */
export const largestOf = (values: readonly Value[]): number =>
  Math.max(0, ...values.map(({ dtype, data }) => (isFloat(dtype) ? largestIn(data) : 0)));

function largestIn(data: TypedArray): number {
  let most = 0;
  for (const x of data) if (Number.isFinite(x)) most = Math.max(most, Math.abs(x));
  return most;
}

/** Builds tensors with a backend as the default one, and begins to compute them. */
export function submitOn(backend: Backend, f: () => readonly Tensor[]): readonly Tensor[] {
  const before = getDefaultBackend();
  setDefaultBackend(backend);
  try {
    const tensors = f();
    for (const x of tensors) x.realise();
    return tensors;
  } finally {
    setDefaultBackend(before);
  }
}

/** Reads what {@link submitOn} computes. */
export const read = (tensors: readonly Tensor[]): Promise<Value[]> =>
  Promise.all(tensors.map(async (x) => ({ dtype: x.dtype, shape: x.shape, data: await x.data() })));

/** Whether a backend has declined something, such as a dtype that it does not have; anything else is a failure. */
export const isUnsupported = (error: unknown): boolean =>
  error instanceof AmariError && error.code === "dtype";
