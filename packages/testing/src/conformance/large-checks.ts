import {
  arange,
  argmax,
  concat,
  conv,
  cumsum,
  type DType,
  matmul,
  pad,
  scan,
  scatterAddAlongAxis,
  sort,
  type Tensor,
  type TypedArray,
  take,
} from "@amari/core";
import { allocate, epsilonOf } from "@amari/core/backend";
import type { TensorFunction } from "../fuzz/variants.ts";
import { type Bound, type Check, deferred } from "./check.ts";

/** Elements of the largest operand, or of the result, at least. */
const elements = 2 ** 24;

/** A matrix of no fewer, of whose sides no power of two is a divisor: the last of whatever it is cut into are not whole. */
const [rows, columns] = [2 ** 11 + 1, 2 ** 13 - 1];

/** The side of one that falls into whole pieces. */
const evenColumns = 2 ** 13;

/** An operand as a function of the place; its values and every sum of them are integers that float32 has. */
interface Operand {
  readonly shape: readonly number[];
  readonly at: (place: number) => number;
  /** Default: the float that is asked for. */
  readonly dtype?: DType;
}

/** A kind of kernel at its largest, on data for which every result is known in closed form. */
interface LargeCase {
  readonly name: string;
  readonly operands: readonly Operand[];
  readonly f: TensorFunction;
  /** The elements of the result. */
  readonly result: (
    operands: readonly Operand[],
    fill: (size: number, at: (place: number) => number) => TypedArray,
  ) => TypedArray;
}

/** The place itself: no element can be taken for another. */
const place = (shape: readonly number[]): Operand => ({ shape, at: (i) => i });

/** -1, 0 and 1 without an order, so that any sum of up to 2^24 of them is exact in float32. */
const sign = (shape: readonly number[]): Operand => ({ shape, at: signAt });

const signAt = (i: number): number => ((Math.imul(i + 1, 0x9e3779b1) >>> 16) % 3) - 1;

/** A permutation of the places below 2^24. */
const shuffled = (i: number): number => (Math.imul(i, 5) + 3) & (elements - 1);

const sums =
  (count: number, length: number, at: (outer: number, inner: number) => number) => (outer: number) => {
    let sum = 0;
    for (let inner = 0; inner < length; inner++) sum += at(outer % count, inner);
    return sum;
  };

/** `[m, k] x [k, n]` in integers. */
function product(m: number, k: number, n: number): LargeCase["result"] {
  return ([a, b], fill) =>
    fill(m * n, (at) => {
      const [i, j] = [Math.floor(at / n), at % n];
      let sum = 0;
      for (let l = 0; l < k; l++) sum += a!.at(i * k + l) * b!.at(l * n + j);
      return sum;
    });
}

const cases: readonly LargeCase[] = [
  {
    name: "elementwise",
    operands: [place([elements]), sign([elements])],
    f: (x, y) => [x!.neg().add(y!) as Tensor],
    result: (_, fill) => fill(elements, (i) => signAt(i) - i),
  },
  {
    name: "broadcast rows",
    operands: [sign([rows, columns]), place([columns])],
    f: (x, y) => [x!.add(y!) as Tensor],
    result: (_, fill) => fill(rows * columns, (i) => signAt(i) + (i % columns)),
  },
  {
    name: "permuted",
    operands: [place([rows, columns]), sign([columns, rows])],
    f: (x, y) => [x!.transpose().mul(y!) as Tensor],
    result: (_, fill) =>
      fill(rows * columns, (i) => ((i % rows) * columns + Math.floor(i / rows)) * signAt(i) + 0),
  },
  {
    name: "flipped and cut",
    operands: [place([elements])],
    f: (x) => [x!.flip(0).slice([1, elements]).mul(1) as Tensor],
    result: (_, fill) => fill(elements - 1, (i) => elements - 2 - i),
  },
  {
    name: "bool",
    operands: [sign([elements]), sign([elements])],
    f: (x, y) => [x!.gt(0).logicalXor(y!.flip(0).gt(0)) as Tensor],
    result: (_, fill) => fill(elements, (i) => Number(signAt(i) > 0 !== signAt(elements - 1 - i) > 0)),
  },
  {
    name: "iota",
    operands: [sign([elements])],
    f: (x) => [arange(elements, { dtype: "int32" }).add(x!.astype("int32")) as Tensor],
    result: (_, fill) => fill(elements, (i) => i + signAt(i)),
  },
  {
    name: "sum of all",
    operands: [sign([elements])],
    f: (x) => [x!.sum() as Tensor],
    result: (_, fill) =>
      fill(
        1,
        sums(1, elements, (_outer, i) => signAt(i)),
      ),
  },
  {
    name: "sum of rows",
    operands: [sign([rows, columns])],
    f: (x) => [x!.sum(1) as Tensor],
    result: (_, fill) =>
      fill(
        rows,
        sums(rows, columns, (row, i) => signAt(row * columns + i)),
      ),
  },
  {
    name: "sum of columns",
    operands: [sign([rows, columns])],
    f: (x) => [x!.sum(0) as Tensor],
    result: (_, fill) =>
      fill(
        columns,
        sums(columns, rows, (column, i) => signAt(i * columns + column)),
      ),
  },
  {
    name: "sum of many rows",
    operands: [sign([2 ** 17 + 1, 2 ** 7])],
    f: (x) => [x!.sum(1) as Tensor],
    result: (_, fill) =>
      fill(
        2 ** 17 + 1,
        sums(2 ** 17 + 1, 2 ** 7, (row, i) => signAt(row * 2 ** 7 + i)),
      ),
  },
  {
    name: "maximum",
    operands: [{ shape: [elements], at: (i) => shuffled(i) }],
    f: (x) => [x!.max() as Tensor],
    result: (_, fill) => fill(1, () => elements - 1),
  },
  {
    name: "argmax",
    operands: [
      { shape: [rows, columns], at: (i) => (i % columns === Math.floor(i / columns) * 3 ? 2 : signAt(i)) },
    ],
    f: (x) => [argmax(x!, 1) as Tensor],
    result: (_, fill) => fill(rows, (row) => row * 3),
  },
  {
    // One of four in each row: the rest is too small to be seen.
    name: "softmax",
    operands: [
      {
        shape: [elements / evenColumns, evenColumns],
        at: (i) => (Math.floor(i / evenColumns + i) % (evenColumns / 4) === 5 ? 0 : -1000),
      },
    ],
    f: (x) => [x!.softmax() as Tensor],
    result: ([x], fill) => fill(elements, (i) => (x!.at(i) === 0 ? 0.25 : 0)),
  },
  {
    name: "product, rows by n",
    operands: [sign([2 ** 20, 16]), sign([16, 16])],
    f: (a, b) => [matmul(a!, b!) as Tensor],
    result: product(2 ** 20, 16, 16),
  },
  {
    name: "product along n",
    operands: [sign([8, 2 ** 21]), sign([2 ** 21, 8])],
    f: (a, b) => [matmul(a!, b!) as Tensor],
    result: product(8, 2 ** 21, 8),
  },
  {
    name: "product with a vector",
    operands: [sign([rows, columns]), sign([columns])],
    f: (a, b) => [matmul(a!, b!) as Tensor],
    result: product(rows, columns, 1),
  },
  {
    name: "convolution",
    operands: [sign([1, 4, 2 ** 22]), sign([2, 4, 3])],
    f: (x, w) => [conv(x!, w!, { padding: 1 }) as Tensor],
    result: ([x, w], fill) => {
      const n = 2 ** 22;
      return fill(2 * n, (at) => {
        const [o, i] = [Math.floor(at / n), at % n];
        let sum = 0;
        for (let c = 0; c < 4; c++)
          for (let k = 0; k < 3; k++) {
            const j = i + k - 1;
            if (j >= 0 && j < n) sum += x!.at(c * n + j) * w!.at((o * 4 + c) * 3 + k);
          }
        return sum;
      });
    },
  },
  {
    name: "gather",
    operands: [place([elements]), { shape: [elements], at: shuffled, dtype: "int32" }],
    f: (x, i) => [take(x!, i!) as Tensor],
    result: (_, fill) => fill(elements, shuffled),
  },
  {
    name: "concatenation",
    operands: [place([elements / 2 - 1]), sign([elements / 2 + 1])],
    f: (x, y) => [concat([x!, y!]) as Tensor],
    result: ([x, y], fill) =>
      fill(elements, (i) => (i < elements / 2 - 1 ? x!.at(i) : y!.at(i - elements / 2 + 1))),
  },
  {
    name: "padding",
    operands: [place([elements - 3])],
    f: (x) => [pad(x!, [[2, 1]]) as Tensor],
    result: (_, fill) => fill(elements, (i) => (i < 2 || i === elements - 1 ? 0 : i - 2)),
  },
  {
    name: "scatter",
    operands: [sign([elements]), { shape: [elements], at: (i) => shuffled(i) % 257, dtype: "int32" }],
    f: (x, i) => [scatterAddAlongAxis(x!, i!, 0, 257) as Tensor],
    result: (_, fill) => {
      const totals = new Float64Array(257);
      for (let i = 0; i < elements; i++) totals[shuffled(i) % 257]! += signAt(i);
      return fill(257, (at) => totals[at]!);
    },
  },
  {
    name: "sort",
    operands: [{ shape: [2 ** 14, 2 ** 10], at: shuffled }],
    f: (x) => [sort(x!) as Tensor],
    result: (_, fill) => {
      const sorted = Float64Array.from({ length: elements }, (_value, i) => shuffled(i));
      for (let at = 0; at < elements; at += 2 ** 10) sorted.subarray(at, at + 2 ** 10).sort();
      return fill(elements, (at) => sorted[at]!);
    },
  },
  {
    name: "cumulative sum",
    operands: [sign([rows, columns])],
    f: (x) => [cumsum(x!, 1) as Tensor],
    result: (_, fill) => {
      let sum = 0;
      return fill(rows * columns, (i) => (sum = signAt(i) + (i % columns === 0 ? 0 : sum)));
    },
  },
  {
    name: "scan",
    operands: [sign([16, 2 ** 20])],
    f: (x) => [
      scan(
        (carry: Tensor, slice: Tensor) => {
          const next = carry.add(slice) as Tensor;
          return [next, next] as const;
        },
        x!.slice(0).mul(0) as Tensor,
        x!,
      )[1],
    ],
    result: (_, fill) => {
      const sum = new Float64Array(2 ** 20);
      return fill(elements, (i) => (sum[i % 2 ** 20]! += signAt(i)));
    },
  },
];

/**
 * One check with 2^24 elements for each kind of kernel. What it gives is known in closed form, exactly and in any order of
 * summation, so that no reference has to compute it; a float that does not hold the integers up to that has none.
 */
export function* largeChecks(float: DType, only: (kind: string) => boolean): Generator<Check> {
  if (epsilonOf(float) > 2 / elements) return;
  for (const { name, operands, f, result } of cases) {
    if (!only(name)) continue;
    const bound: Bound = {
      kind: "exact",
      expected: (dtype) => result(operands, (size, at) => filled(dtype, size, at)),
    };
    yield deferred({ operation: name, what: "2^24 elements", bound }, () => ({
      inputs: operands.map(({ shape, at, dtype = float }) => ({
        shape,
        dtype,
        values: filled(
          dtype,
          shape.reduce((a, b) => a * b, 1),
          at,
        ),
      })),
      f,
    }));
  }
}

function filled(dtype: DType, size: number, at: (place: number) => number): TypedArray {
  const data = allocate(dtype, size);
  for (let i = 0; i < size; i++) data[i] = at(i) + 0;
  return data;
}
