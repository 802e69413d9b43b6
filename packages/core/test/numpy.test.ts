import {
  ArgumentError,
  type DType,
  dtypes,
  einsum,
  grad,
  iota,
  jvp,
  matmul,
  promoteTypes,
  ShapeError,
  stack,
  type Tensor,
  tensor,
  zeros,
} from "@amari/core";
import { broadcastableShapes, expectClose, shapes, tensors } from "@amari/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { f64, i32 } from "./support.ts";

const runs = { numRuns: 40 };

/** All indices of a shape, in row-major order. */
function indicesOf(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (rows, n) => rows.flatMap((row) => Array.from({ length: n }, (_, i) => [...row, i])),
    [[]],
  );
}

/** Reads elements by index, with NumPy's broadcasting: axes of size 1 and missing leading axes repeat. */
function reader(x: Tensor): (index: readonly number[]) => number {
  const data = x.dataSync();
  const { shape } = x;
  return (index) => {
    const own = index.slice(index.length - shape.length);
    return data[shape.reduce((at, n, axis) => at * n + (n === 1 ? 0 : own[axis]!), 0)]!;
  };
}

/** A tensor whose element at every index is `f(index)`: what the loops of a definition give. */
const byLoops = (shape: readonly number[], f: (index: number[]) => number): Tensor =>
  tensor(Float64Array.from(indicesOf(shape), f), { shape }) as Tensor;

/** Sums `f` over all indices of a shape. */
const sumOver = (shape: readonly number[], f: (index: number[]) => number): number =>
  indicesOf(shape).reduce((sum, index) => sum + f(index), 0);

const pairs = broadcastableShapes({ max: 3 }).chain(({ operands, result }) =>
  fc.tuple(tensors({ shape: operands[0]! }), tensors({ shape: operands[1]! }), fc.constant(result)),
);

describe("broadcasting", () => {
  it("pairs elements from the right, repeating axes of size 1", () => {
    fc.assert(
      fc.property(pairs, ([x, y, result]) => {
        const [a, b] = [reader(x), reader(y)];
        expectClose(
          x.sub(y),
          byLoops(result, (i) => a(i) - b(i)),
        );
        expectClose(
          x.mul(y),
          byLoops(result, (i) => a(i) * b(i)),
        );
        expectClose(
          x.gt(y).where(x, y),
          byLoops(result, (i) => Math.max(a(i), b(i))),
        );
      }),
      runs,
    );
  });

  it("refuses dimensions that are neither equal nor 1", () => {
    const refused = fc.tuple(shapes(), shapes()).filter(([a, b]) =>
      a.toReversed().some((n, i) => {
        const m = b.toReversed()[i] ?? 1;
        return n !== m && n !== 1 && m !== 1;
      }),
    );
    fc.assert(
      fc.property(refused, ([a, b]) => {
        const zerosOf = (shape: number[]) => byLoops(shape, () => 0);
        expect(() => zerosOf(a).add(zerosOf(b))).toThrow(ShapeError);
      }),
      runs,
    );
  });
});

describe("promotion", () => {
  // bool < uint32 < int32 < float16 < float32 < float64, as the rows and columns run.
  const order: DType[] = ["bool", "uint32", "int32", "float16", "float32", "float64"];
  const table = order.map((_, row) => order.map((__, column) => order[Math.max(row, column)]!));

  it("covers all dtypes", () => expect([...order].sort()).toEqual([...dtypes].sort()));

  const combinations = order.flatMap((a, row) =>
    order.map((b, column) => [a, b, table[row]![column]!] as const),
  );
  it.each(combinations)("%s with %s is %s", (a, b, expected) => {
    const [x, y] = [tensor([1], { dtype: a }), tensor([1], { dtype: b })] as [Tensor, Tensor];
    expect(promoteTypes(a, b)).toBe(expected);
    expect(x.maximum(y).dtype).toBe(expected === "bool" ? "int32" : expected);
    expect(stack([x, y]).dtype).toBe(expected);
  });

  it.each([
    ["bool", 1, "int32"],
    ["bool", 0.5, "float32"],
    ["uint32", 1, "uint32"],
    ["int32", 1, "int32"],
    ["float16", 0.1, "float16"],
    ["float32", 0.1, "float32"],
    ["float64", 0.1, "float64"],
  ] as const)("a %s tensor with the number %d is %s", (dtype, number, expected) => {
    const result = tensor([1], { dtype }).add(number);
    expect(result.dtype).toBe(expected);
  });

  it("a number beside float64 keeps all its digits", () => {
    expectClose(f64([1]).mul(0.1), [0.1]);
  });

  it("division of integers gives float32, and so do functions of the reals", () => {
    expect(i32([1]).div(2).dtype).toBe("float32");
    expectClose(i32([1, 3]).div(2), [0.5, 1.5]);
    expect(i32([1]).exp().dtype).toBe("float32");
    expect(tensor([true]).mean().dtype).toBe("float32");
  });
});

describe("NaN, infinity and signed zero", () => {
  const x = f64([3, Number.NaN, -1, Infinity, 2]);

  it("wins in max and min, and its place in argmax and argmin", () => {
    expectClose([x.max(), x.min()], [f64(Number.NaN), f64(Number.NaN)]);
    expect([x.argmax().itemSync(), x.argmin().itemSync()]).toEqual([1, 1]);
    expectClose(f64([1, Number.NaN]).maximum(f64([Number.NaN, 1])), f64([Number.NaN, Number.NaN]));
  });

  it("comes last in sort and argsort", () => {
    expectClose(x.sort(), f64([-1, 2, 3, Infinity, Number.NaN]));
    expectClose(x.argsort(), i32([2, 4, 0, 3, 1]));
  });

  it("is unequal to itself, and in no order", () => {
    const nan = f64([Number.NaN]);
    expect([nan.eq(nan), nan.ne(nan), nan.lt(nan), nan.ge(nan)].map((t) => t.arraySync())).toEqual([
      [false],
      [true],
      [false],
      [false],
    ]);
  });

  it("argmax takes the first of equals, argsort keeps their order", () => {
    expect(f64([1, 3, 3]).argmax().itemSync()).toBe(1);
    expect(f64([1, 1, 3]).argmin().itemSync()).toBe(0);
    expectClose(f64([2, 1, 2, 1, -0, 0]).argsort(), i32([4, 5, 1, 3, 0, 2]));
  });

  it("empty reductions give their neutral elements", () => {
    const none = f64([]);
    expectClose(
      [none.sum(), none.prod(), none.logSumExp(), none.mean()],
      [f64(0), f64(1), f64(-Infinity), f64(Number.NaN)],
    );
    expect([none.gt(0).any().itemSync(), none.gt(0).all().itemSync()]).toEqual([0, 1]);
  });

  it("max and min have none and throw, unless there is no result either", () => {
    for (const extreme of ["max", "min"] as const) {
      expect(() => zeros([0, 3])[extreme](0)).toThrow(ArgumentError);
      expect(() => zeros([0])[extreme]()).toThrow(ArgumentError);
      expect((zeros([0, 3]) as Tensor)[extreme](1).shape).toEqual([0]);
      expect((zeros([0, 0]) as Tensor)[extreme](1).shape).toEqual([0]);
    }
  });

  it("the mean of no elements is NaN, and so is its tangent; its gradient has no elements", () => {
    const none = f64([]);
    const [value, tangent] = jvp((x: Tensor) => x.mean() as Tensor, [none], [none]);
    expectClose([value, tangent], [f64(Number.NaN), f64(Number.NaN)]);
    expect(grad((x: Tensor) => x.mean() as Tensor<[]>)(none).shape).toEqual([0]);
  });

  it("a negative zero survives neg, mul and reshape", () => {
    expectClose(f64([0]).neg().reshape([1, 1]).mul(1), f64([[-0]]), { signedZeros: true });
  });

  it("halves round to even, floor division and mod follow Python's sign", () => {
    expectClose(f64([0.5, 1.5, 2.5, -0.5, -1.5]).round(), f64([0, 2, 2, -0, -2]), { signedZeros: true });
    expectClose(f64([7, -7, 7, -7]).floorDivide(f64([2, 2, -2, -2])), f64([3, -4, -4, 3]));
    expectClose(f64([7, -7, 7, -7]).mod(f64([3, 3, -3, -3])), f64([1, 2, -2, -1]));
    expectClose(i32([7, -7, 7, -7]).mod(i32([3, 3, -3, -3])), i32([1, 2, -2, -1]));
  });
});

describe("integers wrap modulo 2^32", () => {
  const [least, greatest] = [-(2 ** 31), 2 ** 31 - 1];
  const u32 = (data: number[]): Tensor => tensor(data, { dtype: "uint32" }) as Tensor;

  it("in sums, products, negation and powers", () => {
    expectClose(i32([greatest, least]).add(i32([1, -1])), i32([least, greatest]));
    expectClose(i32([least]).neg(), i32([least]));
    expectClose(i32([least]).abs(), i32([least]));
    expectClose(i32([65536, 65537]).mul(i32([65536, 65537])), i32([0, 131073]));
    expectClose(i32([65537]).square(), i32([131073]));
    expectClose(i32([3]).pow(i32([40])), i32([Number(BigInt.asIntN(32, 3n ** 40n))]));
    expectClose(u32([0]).sub(u32([1])), u32([2 ** 32 - 1]));
    expectClose(u32([2 ** 31]).mul(u32([2])), u32([0]));
  });

  it("in reductions, step by step", () => {
    expectClose(i32([greatest, 1, 1]).sum(), i32(least + 1));
    const factors = [123_456_789, 987_654_321, 55_555];
    const product = factors.reduce((p, n) => BigInt.asIntN(32, p * BigInt(n)), 1n);
    expectClose(i32(factors).prod(), i32(Number(product)));
  });

  it("in matmul", () => {
    expectClose(matmul(i32([[65536, 1]]), i32([[65536], [7]])), i32([[7]]));
    const [a, b] = [123_456_789, 987_654_321];
    expectClose(matmul(i32([[a]]), i32([[b]])), i32([[Math.imul(a, b)]]));
  });

  it("in conversions from floats, where NaN and the infinities become 0", () => {
    const x = f64([2.9, -2.9, 2 ** 31, 2 ** 32 + 5, Number.NaN, Infinity]);
    expectClose(x.astype("int32"), i32([2, -2, least, 5, 0, 0]));
    expectClose(f64([-1, 2 ** 32 + 5]).astype("uint32"), u32([2 ** 32 - 1, 5]));
    expect(f64([0, -0, 0.1, Number.NaN]).astype("bool").arraySync()).toEqual([false, false, true, true]);
  });

  it("division by zero gives 0, since nothing can trap", () => {
    expectClose([i32([5]).floorDivide(0), i32([5]).mod(0)], [i32([0]), i32([0])]);
  });

  it("shifts by 32 places or more leave nothing", () => {
    expectClose(i32([1, 1, -1]).shiftLeft(i32([31, 32, 33])), i32([least, 0, 0]));
    expectClose(u32([2 ** 31, 1]).shiftRightLogical(u32([31, 40])), u32([1, 0]));
  });
});

describe("indexing", () => {
  const x = f64([10, 20, 30]);

  it("counts negative positions from the end, and reads NaN (or 0) beyond the ends", () => {
    expectClose(x.take(i32([-1, -3, 3, -4])), f64([30, 10, Number.NaN, Number.NaN]));
    expectClose(i32([7, 8]).take(i32([1, 2])), i32([8, 0]));
    expectClose(x.takeAlongAxis(i32([0, 5]), 0), f64([10, Number.NaN]));
  });

  it("drops what is scattered beyond the ends, and sums what falls together", () => {
    expectClose(f64([1, 2, 4, 8]).scatterAddAlongAxis(i32([0, 0, -1, 9]), 0, 3), f64([3, 0, 4]));
  });

  it("an index out of range for oneHot gives zeros", () => {
    expectClose(
      i32([1, 3, -1]).oneHot(3, { dtype: "float64" }),
      f64([
        [0, 1, 0],
        [0, 0, 0],
        [0, 0, 0],
      ]),
    );
  });

  it("a slice with a step takes what Python's range would", () => {
    const positions = fc.integer({ min: -8, max: 8 });
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 6 }),
        positions,
        positions,
        fc.integer({ min: 1, max: 4 }),
        (n, start, end, step) => {
          const values = Array.from({ length: n }, (_, i) => i);
          const expected = values.slice(start, end).filter((_, i) => i % step === 0);
          expectClose(
            (iota([n], 0, { dtype: "float64" }) as Tensor).slice([start, end, step]),
            f64(expected),
          );
        },
      ),
      { numRuns: 100 },
    );
  });

  it("slices, flips, permutations and pads move elements to where their definitions say", () => {
    fc.assert(
      fc.property(tensors({ shape: { minRank: 2, maxRank: 2, min: 1 } }), (y) => {
        const [m, n] = y.shape as [number, number];
        const at = reader(y);
        expectClose(
          y.slice(-1, null),
          byLoops([n], ([j]) => at([m - 1, j!])),
        );
        expectClose(
          y.flip(1),
          byLoops([m, n], ([i, j]) => at([i!, n - 1 - j!])),
        );
        expectClose(
          y.transpose(),
          byLoops([n, m], ([i, j]) => at([j!, i!])),
        );
        const inside = (i: number, j: number) => i >= 1 && j < n;
        expectClose(
          y.pad(
            [
              [1, 0],
              [0, 2],
            ],
            9,
          ),
          byLoops([m + 1, n + 2], ([i, j]) => (inside(i!, j!) ? at([i! - 1, j!]) : 9)),
        );
      }),
      runs,
    );
  });
});

describe("reductions equal loops", () => {
  it("over any axes", () => {
    const reduction = tensors({ shape: { maxRank: 3, max: 3 } }).chain((x) =>
      fc.tuple(fc.constant(x), fc.subarray(x.shape.map((_, axis) => axis))),
    );
    fc.assert(
      fc.property(reduction, ([x, axes]) => {
        const folded = axes.map((axis) => x.shape[axis]!);
        const kept = x.shape.filter((_, axis) => !axes.includes(axis));
        const at = reader(x);
        const merge = (outer: number[], inner: number[]) => {
          const [o, i] = [outer.values(), inner.values()];
          return x.shape.map((_, axis) => (axes.includes(axis) ? i : o).next().value!);
        };
        expectClose(
          x.sum(axes),
          byLoops(kept, (outer) => sumOver(folded, (inner) => at(merge(outer, inner)))),
        );
        if (folded.includes(0) && !kept.includes(0)) expect(() => x.max(axes)).toThrow(ArgumentError);
        else
          expectClose(
            x.max(axes),
            byLoops(kept, (outer) => Math.max(...indicesOf(folded).map((inner) => at(merge(outer, inner))))),
          );
        expect(x.sum(axes, { keepDims: true }).shape).toEqual(
          x.shape.map((n, i) => (axes.includes(i) ? 1 : n)),
        );
      }),
      runs,
    );
  });
});

describe("contractions equal loops", () => {
  const sizes = { i: 2, j: 3, k: 2, l: 3 } as const;
  type Label = keyof typeof sizes;
  const labels = fc.array(fc.constantFrom<Label[]>("i", "j", "k", "l"), { maxLength: 3 });
  const shapeOf = (names: readonly Label[]) => names.map((name) => sizes[name]);

  it("einsum of random subscripts, with repeated, shared and summed labels", () => {
    const contraction = fc
      .array(labels, { minLength: 1, maxLength: 3 })
      .chain((inputs) =>
        fc.tuple(
          fc.constant(inputs),
          fc.shuffledSubarray([...new Set(inputs.flat())]),
          fc.tuple(...inputs.map((input) => tensors({ shape: shapeOf(input) }))),
        ),
      );
    fc.assert(
      fc.property(contraction, ([inputs, output, operands]) => {
        const subscripts = `${inputs.map((input) => input.join("")).join(",")}->${output.join("")}`;
        const summed = [...new Set(inputs.flat())].filter((name) => !output.includes(name));
        const readers = operands.map(reader);
        const expected = byLoops(shapeOf(output), (outer) =>
          sumOver(shapeOf(summed), (inner) => {
            const value = new Map<Label, number>();
            for (const [n, name] of output.entries()) value.set(name, outer[n]!);
            for (const [n, name] of summed.entries()) value.set(name, inner[n]!);
            return inputs.reduce(
              (product, input, n) => product * readers[n]!(input.map((name) => value.get(name)!)),
              1,
            );
          }),
        );
        expectClose(einsum(subscripts, ...operands), expected, { absolute: 1e-9, what: subscripts });
      }),
      { numRuns: 60 },
    );
  });

  const operand = [[3], [2, 3], [4, 2, 3], [1, 2, 3]];
  const other = [[3], [3, 2], [4, 3, 2], [5, 1, 3, 2]];
  const products = operand.flatMap((a) => other.map((b) => [a, b] as const));
  it.each(products)("matmul of %j and %j", (a, b) => {
    const [x, y] = [a, b].map((shape) =>
      byLoops(shape, (index) =>
        Math.sin(sumOver([1], () => index.join("").length + Number(`0.${index.join("")}`) * 9)),
      ),
    ) as [Tensor, Tensor];
    const [left, right] = [a.length === 1 ? x.reshape([1, 3]) : x, b.length === 1 ? y.reshape([3, 1]) : y];
    const [rows, columns] = [left.shape.at(-2)!, right.shape.at(-1)!];
    const batches = [left, right].map(({ shape }) => byLoops(shape.slice(0, -2), () => 0)) as [
      Tensor,
      Tensor,
    ];
    const batch = batches[0].add(batches[1]).shape;
    const [p, q] = [reader(left), reader(right)];
    const full = byLoops([...batch, rows, columns], (index) => {
      const [outer, i, j] = [index.slice(0, -2), index.at(-2)!, index.at(-1)!];
      return sumOver([3], ([k]) => p([...outer, i, k!]) * q([...outer, k!, j]));
    });
    const shape = [...batch, ...(a.length === 1 ? [] : [rows]), ...(b.length === 1 ? [] : [columns])];
    expectClose(x.matmul(y), full.reshape(shape), { absolute: 1e-14 });
  });
});
