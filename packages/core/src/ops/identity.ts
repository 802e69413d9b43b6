import { scalarTypeOf } from "../compile/kernel-builder.ts";
import { type Defined, define, integers, on, reals } from "../define/definition.ts";
import { elementwisePrimitive } from "../define/elementwise.ts";
import { apply, type Primitive } from "../define/primitive.ts";
import type { AsTypeFunction, AsTypeMethod, Unary } from "../define/signatures.ts";
import { checkDType, type DType, isFloat, promoteTypes } from "../dtype.ts";
import type { ScalarFunction } from "../operation.ts";
import type { Tensor } from "../tensor.ts";

const stopPrimitive: Primitive<undefined> = {
  name: "stopGradient",
  kernel: { kind: "alias" },
  type: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  jvp: () => null,
  batch: ({ inputs }) => apply(stopPrimitive, inputs, undefined),
};

/** The same value, counted as a constant by every derivative. */
export const stopGradient: Unary = define(
  {
    name: "stopGradient",
    family: "elementwise",
    primitive: stopPrimitive as Primitive,
    cases: [on([[2, 3]], (x) => stopGradient(x)), on([[]], (x) => stopGradient(x))],
    ulp: 0,
    notDifferentiable: "it counts as a constant",
  },
  (x: Tensor) => apply(stopPrimitive, [x], undefined),
) as unknown as Unary;

const conversion = (to: DType): ScalarFunction => {
  if (to === "bool") return (x) => Number(x !== 0);
  return isFloat(to) ? (x) => x : (x) => (Math.abs(x!) < 2 ** 63 ? Math.trunc(x!) : 0);
};

/** Whether a conversion loses nothing that a second one might, so that the two are the second at once. */
const isWidening = (from: DType, to: DType): boolean =>
  from === "bool" || (isFloat(from) && isFloat(to) && promoteTypes(from, to) === to);

interface Conversion {
  readonly dtype: DType;
}

const convert: Primitive<Conversion> = elementwisePrimitive<Conversion>("astype", {
  scalar: ({ dtype }) => conversion(dtype),
  result: ({ dtype }) => dtype,
  lower:
    ({ dtype }) =>
    (k, x) =>
      k.convert(x, scalarTypeOf(dtype)),
  simplify: (term) => {
    const inner = term.operands[0]!;
    if (inner.dtype === term.dtype) return inner;
    if (inner.operation !== term.operation) return null;
    const first = inner.operands[0]!;
    const isExact = isWidening(first.dtype, inner.dtype);
    if (first.dtype === term.dtype && (isExact || inner.dtype === "float64")) return first;
    return isExact ? { ...term, operands: [first] } : null;
  },
  jvp: ({ tangents, attributes }) =>
    isFloat(attributes.dtype) ? apply(convert, [tangents[0]!], attributes) : null,
  transpose: ({ cotangents, inputs }) => [cotangents[0]!.astype(inputs[0]!.dtype)],
});

/**
 * The values in another dtype. Floats become integers by dropping the fraction, modulo 2^32 (NaN and what is
 * beyond 2^63 become 0); anything becomes a bool by `x != 0`. The derivative passes between floats and is zero elsewhere.
 */
export const astype: Defined<AsTypeFunction, AsTypeMethod> = define(
  {
    name: "astype",
    family: "elementwise",
    primitive: convert as Primitive,
    cases: [
      on([[2, 3]], (x) => astype(x, "float64"), integers(-5, 5)),
      on([[]], (x) => astype(x, "bool"), reals(-2, 2)),
      on([[0]], (x) => astype(x, "int32"), reals(-2, 2)),
    ],
    ulp: 0,
    notDifferentiable: null,
  },
  ((x: Tensor, dtype: DType): Tensor =>
    x.dtype === checkDType(dtype) ? x : apply(convert, [x], { dtype })) as AsTypeFunction,
);
