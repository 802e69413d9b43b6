import type { Combine } from "../compile/kernel.ts";
import { booleans, type Case, composite, type Domain, define, on } from "../define/definition.ts";
import { accepted } from "../define/elementwise.ts";
import { apply, type Primitive } from "../define/primitive.ts";
import { type Axes, reductionPrimitive, restoreAxes } from "../define/reduction.ts";
import type { Reduction, ReductionMethod, ReductionOptions } from "../define/signatures.ts";
import { type DType, isFloat } from "../dtype.ts";
import { ArgumentError } from "../errors/errors.ts";
import { range, reduceShape, resolveAxes, showShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { iota } from "./creation.ts";
import { stopGradient } from "./identity.ts";

type AxisArgument = number | readonly number[] | undefined;
type Call = (x: Tensor, axis?: AxisArgument, options?: ReductionOptions) => Tensor;

function reductionCases(call: Call, domain?: Domain, withEmpty = true): Case[] {
  const cases = [
    on([[2, 3]], (x) => call(x, 0), domain),
    on([[2, 3, 2]], (x) => call(x, [0, -1], { keepDims: true }), domain),
    on([[4]], (x) => call(x), domain),
    on([[]], (x) => call(x), domain),
  ];
  return withEmpty
    ? [...cases, on([[0, 3]], (x) => call(x, 0), domain), on([[0, 3]], (x) => call(x, 1), domain)]
    : cases;
}

/** Declares a reduction over axes: one, several or (by default) all; `keepDims` leaves axes of size 1. */
function reduction(
  primitive: Primitive<Axes>,
  prepare: (x: Tensor) => Tensor,
  cases: (call: Call) => Case[],
  ulp: number,
  check?: (x: Tensor, axes: readonly number[], name: string) => void,
): Reduction {
  const call: Call = (x, axis, options) => {
    const axes = resolveAxes(axis, x.rank, primitive.name);
    check?.(x, axes, primitive.name);
    const reduced = axes.length === 0 ? prepare(x) : apply(primitive, [prepare(x)], { axes });
    return options?.keepDims ? restoreAxes(reduced, x.shape, axes) : reduced;
  };
  const { jvp } = primitive;
  return define<Call, ReductionMethod>(
    {
      name: primitive.name,
      family: "reduction",
      primitive: primitive as Primitive,
      cases: cases(call),
      ulp,
      notDifferentiable: "notDifferentiable" in jvp ? jvp.notDifferentiable : null,
    },
    call,
  ) as unknown as Reduction;
}

const asNumber = (x: Tensor): Tensor => (x.dtype === "bool" ? x.astype("int32") : x);
const asBool = (x: Tensor): Tensor => (x.dtype === "bool" ? x : x.ne(0));

const sumPrimitive = reductionPrimitive("sum", {
  initial: () => 0,
  combine: "add",
  jvp: (_x, dx, _y, axes) => apply(sumPrimitive, [dx], { axes }),
  transpose: (cotangent, { shape }, axes) => restoreAxes(cotangent, shape, axes).broadcastTo(shape),
});

/** The sum; 0 for no elements. Bools count as 0 and 1; integers wrap modulo 2^32. */
export const sum: Reduction = reduction(sumPrimitive, asNumber, (call) => reductionCases(call), 2);

const prodPrimitive = reductionPrimitive("prod", {
  initial: () => 1,
  combine: "mul",
  // Each element's factor is the product of the others, which stays right where elements are zero, to any order.
  jvp: (x, dx, _y, axes) => {
    const kept = range(0, x.rank).filter((axis) => !axes.includes(axis));
    const order = [...kept, ...axes];
    const n = axes.reduce((size, axis) => size * x.shape[axis]!, 1);
    const keptShape = kept.map((axis) => x.shape[axis]!);
    const rows = x.permute(order).reshape([...keptShape, 1, n]);
    const isSelf = (iota([n, n], 0) as Tensor).eq(iota([n, n], 1) as Tensor);
    const others = isSelf.where(1, rows.broadcastTo([...keptShape, n, n])).prod(-1);
    return dx
      .permute(order)
      .reshape([...keptShape, n])
      .mul(others)
      .sum(-1);
  },
});

/** The product; 1 for no elements. Its derivative takes memory of the square of the number of factors. */
export const prod: Reduction = reduction(prodPrimitive, asNumber, (call) => reductionCases(call), 4);

const worst = (dtype: DType, towards: 1 | -1): number => {
  if (isFloat(dtype)) return -towards * Infinity;
  if (dtype === "uint32") return towards > 0 ? 0 : 2 ** 32 - 1;
  return towards > 0 ? -(2 ** 31) : 2 ** 31 - 1;
};

/** The tangent at the extreme elements; where several are equal they share it, as in JAX. */
function extremeTangent(x: Tensor, dx: Tensor, y: Tensor, axes: readonly number[]): Tensor {
  const atExtreme = x.eq(restoreAxes(y, x.shape, axes)).astype(x.dtype);
  return dx.mul(atExtreme).sum(axes).div(atExtreme.sum(axes));
}

const maxPrimitive = reductionPrimitive("max", {
  initial: (dtype) => worst(dtype, 1),
  combine: "max",
  jvp: extremeTangent,
});

const minPrimitive = reductionPrimitive("min", {
  initial: (dtype) => worst(dtype, -1),
  combine: "min",
  jvp: extremeTangent,
});

const extremeCases = (call: Call): Case[] => [
  ...reductionCases(call, undefined, false),
  on([[0, 3]], (x) => call(x, 1)),
];

/** @throws ArgumentError where a result would be the extreme of no elements, which there is none of, as in NumPy */
function checkNotEmpty({ shape }: Tensor, axes: readonly number[], name: string): void {
  if (sizeOf(shape) > 0 || sizeOf(reduceShape(shape, axes)) === 0) return;
  throw new ArgumentError(
    `${name}: shape ${showShape(shape)} has no elements along the axes [${axes.join(", ")}] and so no ${name}; ` +
      `concat a value that may win (${name === "max" ? "-Infinity" : "Infinity"}) first, or check the size`,
  );
}

/** The largest element; NaN where one is NaN. @throws ArgumentError for no elements */
export const max: Reduction = reduction(maxPrimitive, asNumber, extremeCases, 0, checkNotEmpty);

/** The smallest element; NaN where one is NaN. @throws ArgumentError for no elements */
export const min: Reduction = reduction(minPrimitive, asNumber, extremeCases, 0, checkNotEmpty);

/**
 * What to subtract before exponentials so that none overflows: the largest element along the axes, which stay, or 0
 * where that is not finite. A constant to the derivative.
 */
export function overflowShift(x: Tensor, axes: readonly number[]): Tensor {
  const peak = stopGradient(restoreAxes(apply(maxPrimitive, [x], { axes }), x.shape, axes));
  return peak.isFinite().where(peak, 0) as Tensor;
}

const logicalReduction = (name: string, initial: number, combine: Combine): Reduction =>
  reduction(
    reductionPrimitive(name, {
      initial: () => initial,
      combine,
      jvp: { notDifferentiable: "its result is a bool" },
    }),
    asBool,
    (call) => reductionCases(call, booleans),
    0,
  );

/** Whether any element is true (or not zero); false for no elements. */
export const any: Reduction = logicalReduction("any", 0, "or");

/** Whether all elements are true (or not zero); true for no elements. */
export const all: Reduction = logicalReduction("all", 1, "and");

/** Declares a reduction that expands into other operations. */
function compositeReduction(
  name: string,
  expand: (x: Tensor, axes: readonly number[]) => Tensor,
  ulp: number,
  withEmpty = true,
): Reduction {
  const call: Call = (operand, axis, options) => {
    const [x] = accepted([operand], "float", name) as [Tensor];
    const axes = resolveAxes(axis, x.rank, name);
    const reduced = expand(x, axes);
    return options?.keepDims ? restoreAxes(reduced, x.shape, axes) : reduced;
  };
  return define<Call, ReductionMethod>(
    composite(name, reductionCases(call, undefined, withEmpty), ulp),
    call,
  ) as unknown as Reduction;
}

const countOf = (x: Tensor, axes: readonly number[]): number =>
  axes.reduce((n, axis) => n * x.shape[axis]!, 1);

/** The arithmetic mean, a float; NaN for no elements. */
export const mean: Reduction = compositeReduction("mean", (x, axes) => x.sum(axes).div(countOf(x, axes)), 2);

/** The mean squared distance from the mean: the variance without Bessel's correction. */
export const variance: Reduction = compositeReduction(
  "variance",
  (x, axes) =>
    x
      .sub(x.mean(axes, { keepDims: true }))
      .square()
      .mean(axes),
  4,
);

/**
 * `log(sum(exp(x)))` without overflow; -Infinity for no elements. The shift by the maximum is a constant to the
 * derivative, which is the softmax.
 */
export const logSumExp: Reduction = compositeReduction(
  "logSumExp",
  (x, axes) => {
    const shift = overflowShift(x, axes);
    return x
      .sub(shift)
      .exp()
      .sum(axes)
      .log()
      .add(shift.reshape(reduceShape(x.shape, axes)));
  },
  4,
);
