import type { Tensor } from "@amari/core";
import type { Draw, Value } from "../draw.ts";
import type { Argument } from "../random-program.ts";

/** How a use of an operation is made: adds one call, and perhaps some before it, or does nothing where nothing fits. */
export type Recipe = (draw: Draw) => void;

export type Recipes = Readonly<Record<string, Recipe>>;

export const isFloat = ({ dtype }: Tensor): boolean => dtype.startsWith("float");
export const isInteger = ({ dtype }: Tensor): boolean => dtype === "int32" || dtype === "uint32";
export const isRanked = ({ rank }: Tensor): boolean => rank > 0;

/** Whether another shape broadcasts with a shape of at least its rank. */
export const broadcastsWith =
  (shape: readonly number[]) =>
  (other: readonly number[]): boolean =>
    other.every((n, i) => {
      const beside = shape[i - other.length + shape.length] ?? 1;
      return n === beside || n === 1 || beside === 1;
    });

/**
 * Some float's elements under a shape, over and over, with 1 for those that are not finite: a backend may multiply the
 * zeros that pad an array or skip them, which only an infinite or NaN factor tells apart.
 */
export function shaped(draw: Draw, shape: readonly number[], like?: Value): Value | undefined {
  const found = draw.value((x) => isFloat(x) && x.size > 0 && x.dtype === (like?.tensor.dtype ?? x.dtype));
  if (found === undefined) return undefined;
  const size = shape.reduce((a, b) => a * b, 1);
  const copies = Math.ceil(size / found.tensor.size);
  const flat = draw.emit("reshape", found.reference, [found.tensor.size]);
  const repeated = flat && draw.emit("broadcastTo", flat.reference, [copies, found.tensor.size]);
  const list = repeated && draw.emit("reshape", repeated.reference, [copies * found.tensor.size]);
  const part = list && draw.emit("slice", list.reference, [0, size]);
  const isFinite = part && draw.emit("isFinite", part.reference);
  const finite = isFinite && draw.emit("where", isFinite.reference, part.reference, 1);
  return finite && draw.emit("reshape", finite.reference, shape as Argument);
}
