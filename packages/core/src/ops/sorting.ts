import { composite, define } from "../define/definition.ts";
import { apply, type Primitive } from "../define/primitive.ts";
import { alongAxis, routinePrimitive } from "../define/routine.ts";
import type { AlongAxis, AlongAxisFunction, ArgReduction } from "../define/signatures.ts";
import { ArgumentError } from "../errors/errors.ts";
import { resolveAxis, showShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { takeAlongAxis } from "./indexing.ts";
import { StableSorter } from "./stable-sorter.ts";

const argsortPrimitive: Primitive<undefined> = routinePrimitive<undefined>(
  "argsort",
  ([x], _, [output]) => {
    const { outer, length } = alongAxis(x!.shape, x!.shape.length - 1);
    const sorter = new StableSorter(length);
    for (let o = 0; o < outer; o++)
      output!.data.set(sorter.orderOf(x!.data.subarray(o * length, (o + 1) * length)), o * length);
  },
  {
    type: ([x]) => ({ shape: x!.shape, dtype: "int32" }),
    jvp: { notDifferentiable: "its result is an integer" },
    batch: ({ inputs }) => apply(argsortPrimitive, inputs, undefined),
  },
);

/** The indices that sort x along `axis` (default the last): ascending, stable, NaN last. int32. */
export const argsort: AlongAxis = define(
  {
    name: "argsort",
    family: "routine",
    primitive: argsortPrimitive as Primitive,
    cases: [
      { operands: [{ shape: [2, 5] }], call: (x) => argsort(x) },
      { operands: [{ shape: [3, 2] }], call: (x) => argsort(x, 0) },
      { operands: [{ shape: [0] }], call: (x) => argsort(x) },
    ],
    ulp: 0,
    notDifferentiable: "its result is an integer",
  },
  ((x: Tensor, axis: number = -1): Tensor => {
    const at = resolveAxis(axis, x.rank, "argsort");
    return apply(argsortPrimitive, [x.moveAxis(at, -1)], undefined).moveAxis(-1, at);
  }) as AlongAxisFunction,
);

/** The elements along `axis` (default the last) in ascending order, NaN last. */
export const sort: AlongAxis = define(
  composite("sort", [
    { operands: [{ shape: [2, 5] }], call: (x) => sort(x) },
    { operands: [{ shape: [3, 2] }], call: (x) => sort(x, 0) },
    { operands: [{ shape: [0] }], call: (x) => sort(x) },
  ]),
  ((x: Tensor, axis: number = -1): Tensor => takeAlongAxis(x, argsort(x, axis), axis)) as AlongAxisFunction,
);

interface Extreme {
  readonly better: 1 | -1;
}

const argExtreme: Primitive<Extreme> = routinePrimitive<Extreme>(
  "argExtreme",
  ([x], { better }, [output]) => {
    const { length } = alongAxis(x!.shape, x!.shape.length - 1);
    const [from, to] = [x!.data, output!.data];
    for (let o = 0, start = 0; o < to.length; o++, start += length) {
      let best = start;
      let extreme = from[start]!;
      for (let at = start + 1; at < start + length && !Number.isNaN(extreme); at++) {
        const candidate = from[at]!;
        if (better * candidate > better * extreme || Number.isNaN(candidate)) {
          best = at;
          extreme = candidate;
        }
      }
      to[o] = best - start;
    }
  },
  {
    type: ([x]) => ({ shape: x!.shape.slice(0, -1), dtype: "int32" }),
    jvp: { notDifferentiable: "its result is an integer" },
    batch: ({ inputs, attributes }) => apply(argExtreme, inputs, attributes),
  },
);

function argReduction(name: string, better: 1 | -1): ArgReduction {
  const call = (x: Tensor, axis?: number): Tensor => {
    const [rows, at] = axis === undefined ? [x.reshape([x.size]), 0] : [x, resolveAxis(axis, x.rank, name)];
    if (rows.shape[at] === 0)
      throw new ArgumentError(`${name}: axis ${at} of ${showShape(x.shape)} is empty and has no extreme`);
    return apply(argExtreme, [rows.moveAxis(at, -1)], { better });
  };
  return define(
    {
      name,
      family: "reduction",
      primitive: argExtreme as Primitive,
      cases: [
        { operands: [{ shape: [2, 5] }], call: (x) => call(x, 1) },
        { operands: [{ shape: [2, 3] }], call: (x) => call(x) },
        { operands: [{ shape: [] }], call: (x) => call(x) },
        { operands: [{ shape: [3, 0] }], call: (x) => call(x, 0) },
      ],
      ulp: 0,
      notDifferentiable: "its result is an integer",
    },
    call,
  ) as unknown as ArgReduction;
}

/** The index of the largest element along `axis`, or of all in row-major order; the first of equals, NaN wins. int32. */
export const argmax: ArgReduction = argReduction("argmax", 1);

/** The index of the smallest element along `axis`, or of all in row-major order; the first of equals, NaN wins. int32. */
export const argmin: ArgReduction = argReduction("argmin", -1);
