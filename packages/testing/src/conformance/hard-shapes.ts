import {
  arange,
  argmax,
  concat,
  conv,
  cumsum,
  type DType,
  matmul,
  pad,
  permute,
  scatterAddAlongAxis,
  sort,
  type Tensor,
  take,
  where,
} from "@amari/core";
import type { Input } from "../fuzz/random-program.ts";
import type { TensorFunction } from "../fuzz/variants.ts";
import { uniformFrom } from "../sample.ts";
import { type Check, deferred } from "./check.ts";

/** Sizes at which kernels go wrong: none, one, primes, and what stands around vectors, workgroups and their number. */
const sizes: readonly number[] = [
  0, 1, 2, 3, 4, 5, 7, 13, 31, 63, 64, 65, 127, 255, 256, 257, 1021, 1024, 4099, 65_535, 65_536, 65_537,
];

type Function = (...x: Tensor[]) => Tensor | readonly Tensor[];

/** A kind of kernel: a function, and its operands' shapes for a size. */
interface Kind {
  readonly name: string;
  /** Or the steps that it consists of, each a function of the results of the one before. */
  readonly f: Function | readonly Function[];
  readonly shapes: (n: number) => readonly (readonly number[])[];
  /** Sizes beyond this take the reference minutes. */
  readonly most?: number;
  /** Whether a size of 0 has no meaning. */
  readonly some?: boolean;
  /** The operands that are indices into 5 elements, some from the end, some beyond. */
  readonly indices?: readonly number[];
}

const kinds: readonly Kind[] = [
  { name: "elementwise", f: (x, y) => x.mul(y).add(0.5).sub(x) as Tensor, shapes: (n) => [[n], [n]] },
  { name: "broadcast rows", f: (x, y) => x.add(y) as Tensor, shapes: (n) => [[3, n], [n]] },
  {
    name: "broadcast columns",
    f: (x, y) => x.mul(y) as Tensor,
    shapes: (n) => [
      [3, n],
      [3, 1],
    ],
  },
  {
    name: "permuted",
    f: (x, y) => x.transpose().add(y) as Tensor,
    shapes: (n) => [
      [3, n],
      [n, 3],
    ],
  },
  {
    name: "flipped and cut",
    f: (x) => x.flip(0).slice([1, x.shape[0]!]).mul(2) as Tensor,
    shapes: (n) => [[n + 1]],
  },
  { name: "comparison", f: (x, y) => where(x.gt(y), x, y.neg()) as Tensor, shapes: (n) => [[n], [n]] },
  { name: "bool", f: (x, y) => x.gt(0).logicalXor(y.gt(0)) as Tensor, shapes: (n) => [[n], [n]] },
  { name: "sum of all", f: (x) => x.sum() as Tensor, shapes: (n) => [[n]] },
  { name: "sum of rows", f: (x) => x.sum(1) as Tensor, shapes: (n) => [[5, n]] },
  { name: "sum of columns", f: (x) => x.sum(0) as Tensor, shapes: (n) => [[n, 5]] },
  { name: "sum of many rows", f: (x) => x.sum(1) as Tensor, shapes: (n) => [[n, 70]], most: 5000 },
  { name: "maximum", f: (x) => x.max(-1) as Tensor, shapes: (n) => [[2, n]], some: true },
  { name: "argmax", f: (x) => argmax(x, -1) as Tensor, shapes: (n) => [[2, n]], some: true },
  { name: "softmax", f: (x) => x.softmax() as Tensor, shapes: (n) => [[3, n]], some: true },
  {
    name: "product, rows by n",
    f: matmul as Function,
    shapes: (n) => [
      [n, 7],
      [7, 5],
    ],
    most: 5000,
  },
  {
    name: "product, columns by n",
    f: matmul as Function,
    shapes: (n) => [
      [5, 7],
      [7, n],
    ],
    most: 5000,
  },
  {
    name: "product along n",
    f: matmul as Function,
    shapes: (n) => [
      [6, n],
      [n, 5],
    ],
  },
  {
    name: "product of vectors",
    f: matmul as Function,
    shapes: (n) => [
      [1, n],
      [n, 1],
    ],
  },
  {
    name: "square product",
    f: matmul as Function,
    shapes: (n) => [
      [n, n],
      [n, n],
    ],
    most: 130,
  },
  {
    name: "convolution",
    f: (x, w) => conv(x, w, { padding: 1 } as never) as Tensor,
    shapes: (n) => [
      [2, 3, n],
      [4, 3, 3],
    ],
    most: 5000,
    some: true,
  },
  { name: "gather", f: (x, i) => take(x, i) as Tensor, shapes: (n) => [[5], [n]], indices: [1] },
  {
    name: "sums turned around by a gather",
    f: [
      (x) => [x.mul(2) as Tensor, cumsum(x)],
      (x, sums) =>
        [
          x,
          take(
            sums,
            arange(x.size, { dtype: "int32" })
              .neg()
              .add(x.size - 1),
          ),
        ] as Tensor[],
    ],
    shapes: (n) => [[n]],
    most: 5000,
  },
  {
    name: "rows turned around",
    f: [
      (x) => x.sub(x.max(1, { keepDims: true })).exp() as Tensor,
      (x) => [x, (x.flip(1) as Tensor).mul(2)] as Tensor[],
    ],
    shapes: (n) => [[3, n]],
    most: 5000,
    some: true,
  },
  {
    name: "sum of planes turned around",
    f: [(x) => permute(x, [0, 2, 1]) as Tensor, (x) => x.sum([1, 2]) as Tensor],
    shapes: (n) => [[2, 3, n]],
    most: 5000,
  },
  {
    name: "scatter",
    f: (x, i) => scatterAddAlongAxis(x, i, 1, 5) as Tensor,
    shapes: (n) => [
      [3, n],
      [3, n],
    ],
    most: 5000,
    indices: [1],
  },
  {
    name: "several sums at once",
    f: [
      (x) => [x, x.mul(x) as Tensor],
      (x, y) => [x.sum(1), y.sum(1), x.sub(x.max(1, { keepDims: true }))] as Tensor[],
    ],
    shapes: (n) => [[3, n]],
    some: true,
  },
  {
    name: "sum of columns of products",
    f: [(x, y) => x.mul(y) as Tensor, (z) => z.sum(0) as Tensor],
    shapes: (n) => [
      [n, 5],
      [n, 5],
    ],
  },
  {
    name: "normalised rows",
    f: [
      (x) => x.sub(x.mean(1, { keepDims: true })) as Tensor,
      (x) => [x, x.square().mean(1, { keepDims: true }).add(1) as Tensor],
      (x, variance) => x.div(variance.sqrt()) as Tensor,
    ],
    shapes: (n) => [[2, n]],
    some: true,
  },
  { name: "concatenation", f: (x, y) => concat([x, y, x]) as Tensor, shapes: (n) => [[n], [3]] },
  { name: "padding", f: (x) => pad(x, [[2, 1]] as never) as Tensor, shapes: (n) => [[n]] },
  { name: "sort", f: (x) => sort(x) as Tensor, shapes: (n) => [[n]], most: 5000 },
  { name: "cumulative sum", f: (x) => cumsum(x) as Tensor, shapes: (n) => [[n]], most: 5000 },
];

function inputOf(shape: readonly number[], dtype: DType, seed: number): Input {
  const uniform = uniformFrom(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  const value = dtype === "int32" ? () => Math.floor(uniform() * 15) - 7 : () => 2 * uniform() - 1;
  return { shape, dtype, values: Array.from({ length: size }, value) };
}

/** Steps as one function; what is done with the values on the way. */
const together =
  (steps: readonly Function[], onValue: (x: Tensor) => void): TensorFunction =>
  (...x) => {
    let values = x;
    for (const step of steps) {
      values = [step(...values)].flat();
      values.forEach(onValue);
    }
    return values;
  };

/** Each kind of kernel at each of the hard sizes. */
export function* hardShapeChecks(
  float: DType,
  seed: number,
  only: (kind: string) => boolean,
): Generator<Check> {
  for (const { name, f, shapes, most = Infinity, some = false, indices = [] } of kinds.filter((kind) =>
    only(kind.name),
  )) {
    for (const n of sizes) {
      if (n > most || (some && n === 0)) continue;
      yield deferred({ operation: name, what: `size ${n}`, bound: { kind: "spread" } }, () => ({
        inputs: shapes(n).map((shape, i) =>
          inputOf(shape, indices.includes(i) ? "int32" : float, seed + n + i),
        ),
        f: together([f].flat(), () => {}),
        ...(Array.isArray(f) && { cut: together([f].flat(), (value) => void value.realise()) }),
      }));
    }
  }
}
