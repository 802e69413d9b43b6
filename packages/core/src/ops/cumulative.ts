import {
  type Case,
  composite,
  type Defined,
  type Domain,
  define,
  integers,
  on,
} from "../define/definition.ts";
import { type Accepts, accepted } from "../define/elementwise.ts";
import { apply, type Primitive } from "../define/primitive.ts";
import { alongAxis, routinePrimitive } from "../define/routine.ts";
import type { CumulativeFunction, CumulativeMethod, CumulativeOptions } from "../define/signatures.ts";
import { isFloat, type TypedArray } from "../dtype.ts";
import { resolveAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { takeAlongAxis } from "./indexing.ts";
import { concat } from "./joining.ts";

type Cumulative = Defined<CumulativeFunction, CumulativeMethod>;
type Call = (x: Tensor, axis?: number, options?: CumulativeOptions) => Tensor;

const casesOf = (call: Call, domain?: Domain): Case[] => [
  on([[5]], (x) => call(x), domain),
  on([[2, 3, 2]], (x) => call(x, 1), domain),
  on([[3, 2]], (x) => call(x, 0, { reverse: true }), domain),
  on([[1, 2]], (x) => call(x, 0), domain),
  on([[2, 0]], (x) => call(x), domain),
  on([[0, 2]], (x) => call(x, -1), domain),
  on([[4]], (x) => call(x), integers(-3, 3)),
];

/** Declares a cumulative operation that expands into others: `expand` runs from the first element to the last. */
function cumulative(
  name: string,
  accepts: Accepts,
  expand: (x: Tensor, axis: number) => Tensor,
  ulp: number,
): Cumulative {
  const call: Call = (operand, axis = -1, { reverse = false } = {}) => {
    const [x] = accepted([operand], accepts, name) as [Tensor];
    const at = resolveAxis(axis, x.rank, name);
    return reverse ? expand(x.flip(at), at).flip(at) : expand(x, at);
  };
  return define(composite(name, casesOf(call), ulp), call) as unknown as Cumulative;
}

interface Direction {
  readonly axis: number;
  readonly reverse: boolean;
}

/** Rows so wide are summed as they stand in memory, all columns at a time. */
const wideRow = 16;

interface Summed {
  readonly length: number;
  readonly inner: number;
  readonly from: TypedArray;
  readonly to: TypedArray;
  /** A float is rounded once, when it is stored; an integer wraps at every step, before it leaves float64's integers. */
  readonly carriesRounded: boolean;
}

function sumColumnByColumn(summed: Summed, start: number, reverse: boolean): void {
  const { length, inner, from, to, carriesRounded } = summed;
  for (let i = 0; i < inner; i++) {
    let total = 0;
    for (let k = 0; k < length; k++) {
      const at = start + (reverse ? length - 1 - k : k) * inner + i;
      total += from[at]!;
      to[at] = total;
      if (carriesRounded) total = to[at]!;
    }
  }
}

function sumRowByRow(summed: Summed, start: number, reverse: boolean): void {
  const { length, inner, from, to, carriesRounded } = summed;
  const totals = new Float64Array(inner);
  for (let k = 0; k < length; k++) {
    let at = start + (reverse ? length - 1 - k : k) * inner;
    for (let i = 0; i < inner; i++, at++) {
      const total = totals[i]! + from[at]!;
      to[at] = total;
      totals[i] = carriesRounded ? to[at]! : total;
    }
  }
}

const cumsumPrimitive: Primitive<Direction> = routinePrimitive<Direction>(
  "cumsum",
  ([x], { axis, reverse }, [output]) => {
    const { outer, length, inner } = alongAxis(x!.shape, axis);
    const view = { length, inner, from: x!.data, to: output!.data, carriesRounded: !isFloat(x!.dtype) };
    const sum = inner < wideRow ? sumColumnByColumn : sumRowByRow;
    for (let o = 0; o < outer; o++) sum(view, o * length * inner, reverse);
  },
  {
    type: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
    jvp: ({ tangents, attributes }) => apply(cumsumPrimitive, [tangents[0]!], attributes),
    // An element is in its own sum and in all later ones: the adjoint sums from the other end.
    transpose: ({ cotangents, attributes: { axis, reverse } }) => [
      apply(cumsumPrimitive, [cotangents[0]!], { axis, reverse: !reverse }),
    ],
    batch: ({ inputs, attributes: { axis, reverse } }) =>
      apply(cumsumPrimitive, inputs, { axis: axis + 1, reverse }),
  },
);

const callCumsum: Call = (operand, axis = -1, { reverse = false } = {}) => {
  const [x] = accepted([operand], "number", "cumsum") as [Tensor];
  return apply(cumsumPrimitive, [x], { axis: resolveAxis(axis, x.rank, "cumsum"), reverse });
};

/**
 * The sums of the elements up to each place along `axis` (default the last), itself included; with `reverse`, from each
 * place on. Bools count as 0 and 1; integers wrap modulo 2^32.
 *
 * @example tensor([1, 2, 3]).cumsum() is [1, 3, 6], and with { reverse: true } [6, 5, 3]
 * @throws AxisError for an axis out of range: a scalar has none
 */
export const cumsum: Cumulative = define(
  {
    name: "cumsum",
    family: "routine",
    primitive: cumsumPrimitive as Primitive,
    cases: casesOf(callCumsum),
    ulp: 2,
    notDifferentiable: null,
  },
  callCumsum,
) as unknown as Cumulative;

/**
 * Combines each element with all before it by an associative operation, in log2(n) whole-array steps (Hillis and Steele,
 * "Data parallel algorithms", 1986): after the step of distance d, each place holds the 2d elements that end there.
 * Derivatives of any order are those of `combine`.
 */
function associativeScan(x: Tensor, axis: number, combine: (before: Tensor, here: Tensor) => Tensor): Tensor {
  const length = x.shape[axis]!;
  const along = (y: Tensor, start: number, end: number) =>
    y.slice(...y.shape.map((_, i) => (i === axis ? ([start, end] as const) : null)));
  let result = x;
  for (let distance = 1; distance < length; distance *= 2) {
    const combined = combine(along(result, 0, length - distance), along(result, distance, length));
    result = concat([along(result, 0, distance), combined], axis) as Tensor;
  }
  return result;
}

/**
 * The products of the elements up to each place along `axis` (default the last); with `reverse`, from each place on. It
 * divides by nothing, so that its derivatives hold where elements are zero. Integers wrap modulo 2^32.
 *
 * @throws AxisError for an axis out of range
 */
export const cumprod: Cumulative = cumulative(
  "cumprod",
  "number",
  (x, axis) => associativeScan(x, axis, (before, here) => before.mul(here)),
  4,
);

/**
 * `log(cumsum(exp(x)))` along `axis` (default the last) without overflow; with `reverse`, from each place on. Where all
 * elements so far are -Infinity, so is the result.
 *
 * @throws AxisError for an axis out of range
 */
export const cumLogSumExp: Cumulative = cumulative(
  "cumLogSumExp",
  "float",
  (x, axis) =>
    associativeScan(x, axis, (before, here) => {
      // The derivative of logAddExp at two -Infinity is NaN, which would spoil the places after them.
      const isNothing = before.eq(-Infinity);
      return isNothing.where(here, isNothing.where(0, before).logAddExp(here));
    }),
  4,
);

interface Extreme {
  readonly axis: number;
  readonly better: 1 | -1;
}

/** The index of the extreme so far: the first of equals, and the first NaN from where it stands on. */
const cumulativeArgExtreme: Primitive<Extreme> = routinePrimitive<Extreme>(
  "cumulativeArgExtreme",
  ([x], { axis, better }, [output]) => {
    const { outer, length, inner } = alongAxis(x!.shape, axis);
    const [from, to] = [x!.data, output!.data];
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        let at = o * length * inner + i;
        let best = 0;
        let extreme = from[at]!;
        for (let k = 0; k < length; k++, at += inner) {
          const candidate = from[at]!;
          const isBetter = better * candidate > better * extreme || Number.isNaN(candidate);
          if (isBetter && !Number.isNaN(extreme)) {
            best = k;
            extreme = candidate;
          }
          to[at] = best;
        }
      }
    }
  },
  {
    type: ([x]) => ({ shape: x!.shape, dtype: "int32" }),
    jvp: { notDifferentiable: "its result is an integer" },
    batch: ({ inputs, attributes: { axis, better } }) =>
      apply(cumulativeArgExtreme, inputs, { axis: axis + 1, better }),
  },
);

const cumulativeExtreme = (name: string, better: 1 | -1): Cumulative =>
  cumulative(
    name,
    "number",
    (x, axis) => takeAlongAxis(x, apply(cumulativeArgExtreme, [x], { axis, better }), axis),
    0,
  );

/**
 * The largest element up to each place along `axis` (default the last); with `reverse`, from each place on. NaN once an
 * element is NaN. The derivative goes to the first of equal elements, to the last one with `reverse`.
 *
 * @throws AxisError for an axis out of range
 */
export const cummax: Cumulative = cumulativeExtreme("cummax", 1);

/**
 * The smallest element up to each place along `axis` (default the last); with `reverse`, from each place on. NaN once
 * an element is NaN. The derivative goes to the first of equal elements, to the last one with `reverse`.
 *
 * @throws AxisError for an axis out of range
 */
export const cummin: Cumulative = cumulativeExtreme("cummin", -1);
