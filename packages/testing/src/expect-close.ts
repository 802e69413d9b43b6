import { AmariError, type Nested, Tensor, type TypedArray, treeLeaves } from "@amari/core";
import { epsilonOf, isFloat, ulpDistance } from "@amari/core/backend";

/** Two values that should agree do not. */
export class MismatchError extends AmariError {
  constructor(message: string) {
    super("mismatch", message);
  }
}

/** How far two values may be apart; what is not given is 0, so that by default they must be equal. */
export interface Tolerance {
  /** In units in the last place of each element. */
  readonly ulp?: number;
  /** Relative to the magnitude of the expected element. */
  readonly relative?: number;
  readonly absolute?: number;
  /** In units in the last place of the largest expected element: the error of a sum with cancellation. */
  readonly ulpOfLargest?: number;
  /** Whether -0 and 0 differ. Default false. */
  readonly signedZeros?: boolean;
  /** What is compared, at the head of the error. */
  readonly what?: string;
}

type Expected = Tensor | Nested | TypedArray;

/**
 * Throws unless a tensor has the expected elements, or a tree of tensors those of another tree. Expected may be a
 * tensor (shape and dtype must agree), nested arrays (the shape must agree) or a typed array. NaN equals NaN, and an
 * infinity only itself.
 *
 * @example expectClose(x.sin().square().add(x.cos().square()), [1, 1, 1], { ulp: 2 })
 * @throws MismatchError which shows the elements that differ most
 */
export function expectClose(actual: unknown, expected: unknown, tolerance: Tolerance = {}): void {
  const what = tolerance.what ?? "the value";
  if (actual instanceof Tensor) {
    compare(actual, expected as Expected, tolerance, what);
    return;
  }
  const [got, wanted] = [treeLeaves(actual), treeLeaves(expected)];
  if (got.length !== wanted.length) {
    throw new MismatchError(
      `${what}: expected a tree of ${wanted.length} tensors, got ${got.length}; compare trees of one structure`,
    );
  }
  got.forEach((leaf, i) => {
    compare(leaf, wanted[i]!, tolerance, got.length === 1 ? what : `${what}, leaf ${i}`);
  });
}

function compare(actual: Tensor, expected: Expected, tolerance: Tolerance, what: string): void {
  const type = (t: { readonly shape: readonly number[]; readonly dtype?: string }) =>
    `${t.dtype ?? ""}[${t.shape.join(", ")}]`;
  const wanted = elementsOf(expected, actual);
  if (type(wanted).replace(/^\w*/, "") !== type(actual).replace(/^\w*/, "")) {
    throw new MismatchError(`${what}: expected the shape ${type(wanted)}, got ${type(actual)}`);
  }
  if (wanted.dtype !== undefined && wanted.dtype !== actual.dtype) {
    throw new MismatchError(`${what}: expected the dtype ${wanted.dtype}, got ${actual.dtype}`);
  }
  const got = actual.dataSync();
  const largest = wanted.data.reduce(
    (most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most),
    0,
  );
  const allowance =
    (tolerance.absolute ?? 0) + (tolerance.ulpOfLargest ?? 0) * epsilonOf(actual.dtype) * largest;
  const isClose = (x: number, y: number): boolean => {
    if (Object.is(x, y)) return true;
    if (x === y) return !tolerance.signedZeros;
    if (!Number.isFinite(x) || !Number.isFinite(y)) return false;
    if (Math.abs(x - y) <= allowance + (tolerance.relative ?? 0) * Math.abs(y)) return true;
    if (tolerance.ulp === undefined) return false;
    return ulpDistance(x, y, isFloat(actual.dtype) ? actual.dtype : "float64") <= tolerance.ulp;
  };
  const wrong = wanted.data.flatMap((y, i) => (isClose(got[i]!, y) ? [] : [i]));
  if (wrong.length > 0) throw new MismatchError(describe(wrong, got, wanted.data, actual, tolerance, what));
}

interface Elements {
  readonly shape: readonly number[];
  readonly data: readonly number[];
  /** Absent for JavaScript numbers, which have none. */
  readonly dtype?: string;
}

function elementsOf(expected: Expected, like: Tensor): Elements {
  if (expected instanceof Tensor) {
    return { shape: expected.shape, data: Array.from(expected.dataSync()), dtype: expected.dtype };
  }
  if (ArrayBuffer.isView(expected)) return { shape: like.shape, data: Array.from(expected as TypedArray) };
  const shape: number[] = [];
  for (let level: Nested = expected; Array.isArray(level); level = (level as readonly Nested[])[0]!) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  return { shape, data: elementsIn(expected) };
}

const elementsIn = (nested: Nested): number[] =>
  Array.isArray(nested) ? (nested as readonly Nested[]).flatMap(elementsIn) : [Number(nested)];

function describe(
  wrong: readonly number[],
  got: TypedArray,
  wanted: readonly number[],
  { shape, dtype }: Tensor,
  tolerance: Tolerance,
  what: string,
): string {
  const shown = 5;
  const gap = (i: number): number => {
    const difference = Math.abs(got[i]! - wanted[i]!);
    return Number.isNaN(difference) ? Infinity : difference;
  };
  const lines = wrong
    .toSorted((i, j) => gap(j) - gap(i))
    .slice(0, shown)
    .map((i) => {
      const distance = dtype.startsWith("float")
        ? `, ${ulpDistance(got[i]!, wanted[i]!, dtype)} ulp apart`
        : "";
      return `  at [${indexOf(i, shape).join(", ")}]: expected ${show(wanted[i]!)}, got ${show(got[i]!)}${distance}`;
    });
  const { what: _, ...limits } = tolerance;
  return (
    `${what}: ${wrong.length} of ${wanted.length} elements of ${dtype}[${shape.join(", ")}] differ by more than ` +
    `${Object.keys(limits).length === 0 ? "nothing" : JSON.stringify(limits)}\n${lines.join("\n")}`
  );
}

const show = (x: number): string => (Object.is(x, -0) ? "-0" : String(x));

/** The index of the element at a place in row-major order. */
function indexOf(place: number, shape: readonly number[]): number[] {
  return shape
    .toReversed()
    .map((n) => {
      const index = place % n;
      place = Math.floor(place / n);
      return index;
    })
    .reverse();
}
