import { broadcast, promote, type TensorLike, toTensor } from "../define/coerce.ts";
import { booleans, type Defined, define, integers, reals } from "../define/definition.ts";
import {
  binary,
  comparison,
  elementwiseDefinition,
  elementwisePrimitive,
  type PartialLowering,
  unary,
} from "../define/elementwise.ts";
import { apply, type Primitive } from "../define/primitive.ts";
import type { Binary, Unary, WhereFunction, WhereMethod } from "../define/signatures.ts";
import { involution } from "../define/simplifications.ts";
import { DTypeError } from "../errors/errors.ts";
import type { Tensor } from "../tensor.ts";

const small = integers(-2, 2);

/** x == y, elementwise; false where either is NaN. */
export const eq: Binary = comparison("eq", (x, y) => x === y, small);
/** x != y, elementwise; true where either is NaN. */
export const ne: Binary = comparison("ne", (x, y) => x !== y, small);
/** x < y, elementwise. */
export const lt: Binary = comparison("lt", (x, y) => x < y, small);
/** x <= y, elementwise. */
export const le: Binary = comparison("le", (x, y) => x <= y, small);
/** x > y, elementwise. */
export const gt: Binary = comparison("gt", (x, y) => x > y, small);
/** x >= y, elementwise. */
export const ge: Binary = comparison("ge", (x, y) => x >= y, small);

const noDerivative = { notDifferentiable: "its operands are not floats" };

const logical = (
  name: string,
  instruction: "and" | "or" | "xor",
  evaluate: (x: number, y: number) => number,
): Binary =>
  binary(name, {
    eval: evaluate,
    lower: (k, x, y) => k[instruction](x, y),
    accepts: "bool",
    jvp: noDerivative,
    domain: [booleans, booleans],
    ulp: 0,
  });

/** Both are true. */
export const logicalAnd: Binary = logical("logicalAnd", "and", (x, y) => x & y);
/** At least one is true. */
export const logicalOr: Binary = logical("logicalOr", "or", (x, y) => x | y);
/** Exactly one is true. */
export const logicalXor: Binary = logical("logicalXor", "xor", (x, y) => x ^ y);
/** True where x is false. */
export const logicalNot: Unary = unary("logicalNot", {
  eval: (x) => 1 - x,
  lower: (k, x) => k.not(x),
  simplify: involution,
  accepts: "bool",
  jvp: noDerivative,
  domain: booleans,
  ulp: 0,
});

const bitwise = (
  name: string,
  lower: PartialLowering,
  evaluate: (x: number, y: number) => number,
  shift = false,
): Binary =>
  binary(name, {
    eval: evaluate,
    lower,
    accepts: shift ? "integer" : "integer or bool",
    jvp: noDerivative,
    domain: shift ? [integers(-99, 99), integers(0, 31)] : [integers(-99, 99), integers(-99, 99)],
    ulp: 0,
  });

/** Bits set in both. */
export const bitwiseAnd: Binary = bitwise(
  "bitwiseAnd",
  (k, x, y) => k.and(x, y),
  (x, y) => x & y,
);
/** Bits set in either. */
export const bitwiseOr: Binary = bitwise(
  "bitwiseOr",
  (k, x, y) => k.or(x, y),
  (x, y) => x | y,
);
/** Bits set in exactly one. */
export const bitwiseXor: Binary = bitwise(
  "bitwiseXor",
  (k, x, y) => k.xor(x, y),
  (x, y) => x ^ y,
);
/** All bits flipped. */
export const bitwiseNot: Unary = unary("bitwiseNot", {
  eval: (x) => ~x,
  lower: (k, x) => k.not(x),
  simplify: involution,
  accepts: "integer",
  jvp: noDerivative,
  domain: integers(-99, 99),
  ulp: 0,
});
/** A shift by a number of places that kernels take modulo 32. */
const lowerShift =
  (instruction: "shl" | "shr"): PartialLowering =>
  (k, x, y) =>
    k.select(k.gt(k.convert(y, "u32"), k.constant(31, "u32")), k.constant(0, x), k[instruction](x, y));

/** Bits moved up by y places, zeros coming in; 0 for 32 places or more. */
export const shiftLeft: Binary = bitwise(
  "shiftLeft",
  lowerShift("shl"),
  (x, y) => (y >>> 0 > 31 ? 0 : x << y),
  true,
);
/** Bits moved down by y places, zeros coming in; 0 for 32 places or more. */
export const shiftRightLogical: Binary = bitwise(
  "shiftRightLogical",
  lowerShift("shr"),
  (x, y) => (y >>> 0 > 31 ? 0 : x >>> y),
  true,
);

const predicate = (name: string, lower: PartialLowering, evaluate: (x: number) => boolean): Unary =>
  unary(name, {
    lower,
    eval: evaluate as unknown as (x: number) => number,
    accepts: "any",
    predicate: true,
    jvp: { notDifferentiable: "its result is a bool" },
    domain: reals(-2, 2),
    ulp: 0,
  });

/** Whether an element is NaN. */
export const isNaN: Unary = predicate("isNaN", (k, x) => k.ne(x, x), Number.isNaN);
/** Whether an element is neither infinite nor NaN. */
export const isFinite: Unary = predicate(
  "isFinite",
  (k, x) => (x.type === "bool" ? null : k.eq(k.sub(x, x), k.constant(0, x))),
  Number.isFinite,
);

const select: Primitive<undefined> = elementwisePrimitive<undefined>("where", {
  scalar: () => (condition, x, y) => (condition !== 0 ? x! : y!),
  lower: () => (k, condition, x, y) => k.select(condition, x, y),
  simplify: ({ operands: [condition, x, y] }) => {
    if (x === y) return x!;
    return condition!.constant === null ? null : condition!.constant !== 0 ? x! : y!;
  },
  result: (_, dtype) => dtype,
  jvp: [
    null,
    (condition, _x, _y, dx) => condition!.where(dx!, 0),
    (condition, _x, _y, dy) => condition!.where(0, dy!),
  ],
  transpose: [
    null,
    (condition, _x, _y, ct) => condition!.where(ct!, 0),
    (condition, _x, _y, ct) => condition!.where(0, ct!),
  ],
});

/**
 * `condition ? x : y`, elementwise with broadcasting; both branches are computed, and the gradient reaches only the
 * operand that was taken. As a method, of the condition: `x.gt(0).where(x, 0)`.
 *
 * @throws DTypeError where the condition is not a bool
 */
export const where: Defined<WhereFunction, WhereMethod> = define(
  elementwiseDefinition("where", select as Primitive, [booleans, reals(-2, 2), reals(-2, 2)], 0, (c, x, y) =>
    where(c, x, y),
  ),
  ((condition: Tensor | boolean, x: TensorLike, y: TensorLike): Tensor => {
    const mask = toTensor(condition, "where");
    if (mask.dtype !== "bool") {
      throw new DTypeError(`where: expected a bool condition, got ${mask.dtype}; write condition.ne(0)`);
    }
    return apply(select, broadcast([mask, ...promote([x, y], "where")], "where"), undefined);
  }) as WhereFunction,
);
