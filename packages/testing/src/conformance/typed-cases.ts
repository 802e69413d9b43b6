import { AmariError, type Case, type DType, dtypes, type Operand, zeros } from "@amari/core";
import type { Input } from "../fuzz/random-program.ts";
import { sampleValues } from "../fuzz/sample-values.ts";
import { operandDType, sampleDomain, type Uniform } from "../sample.ts";

/** The dtypes that a case's operands have when those that are not fixed to one get another. */
export const retyped = ({ operands }: Case, dtype: DType): DType[] =>
  operands.map((operand) =>
    operand.dtype !== undefined || operand.domain?.kind === "bool" ? operandDType(operand) : dtype,
  );

/**
 * Whether a case is one for operands of these types: whether its call builds a graph. Nothing is computed.
 *
 * @param most - how many elements a result may have
 */
export function takes(
  { call }: Case,
  shapes: readonly (readonly number[])[],
  types: readonly DType[],
  most: number = Infinity,
): boolean {
  try {
    const results = call(...shapes.map((shape, i) => zeros(shape, { dtype: types[i]! })));
    return [results].flat().every(({ size }) => size <= most);
  } catch (error) {
    if (error instanceof AmariError) return false;
    throw error;
  }
}

/** The dtypes that a case takes beside those that it stands for, which are a given float where it calls for reals. */
export function furtherDTypes(c: Case, float: DType): DType[] {
  const shapes = c.operands.map(({ shape }) => shape);
  const usual = c.operands.map(operandDType).map((dtype) => (dtype === "float64" ? float : dtype));
  return dtypes.filter((dtype) => {
    const types = retyped(c, dtype);
    return types.join() !== usual.join() && types.includes(dtype) && takes(c, shapes, types);
  });
}

/** Elements for an operand of a given shape and dtype: of its domain, whole numbers where the dtype has no others. */
export function inputFor(operand: Operand, shape: readonly number[], dtype: DType, uniform: Uniform): Input {
  const size = shape.reduce((a, b) => a * b, 1);
  const { domain } = operand;
  if (domain === undefined && !dtype.startsWith("float")) {
    return { shape, dtype, values: sampleValues(dtype, size, Math.floor(uniform() * 2 ** 31), true) };
  }
  const values = sampleDomain(domain ?? { kind: "real", low: -2, high: 2, except: [] }, size, uniform);
  return { shape, dtype, values: dtype.startsWith("float") ? values : values.map((x) => wholeOf(x, dtype)) };
}

function wholeOf(x: number, dtype: DType): number {
  if (dtype === "bool") return Number(x > 0);
  return dtype === "uint32" ? Math.abs(Math.round(x)) : Math.round(x) + 0;
}
