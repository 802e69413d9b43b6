import { dtypes, type Tensor } from "@amari/core";
import type { Draw, Value } from "../draw.ts";
import { isInteger, isRanked, type Recipes } from "./recipe.ts";

/** Integers that are indices of an axis: any, reduced modulo its length, with some from the end. */
function indicesFor(draw: Draw, length: number, rankLimit: number): Value | undefined {
  const found = draw.value((x) => isInteger(x) && x.rank <= rankLimit && x.size <= 70);
  return found && draw.emit("mod", found.reference, length);
}

/** Uses of operations that join tensors, pick by index, or convert. */
export const gathering: Recipes = {
  concat: (draw) => {
    const x = draw.value(isRanked);
    if (x === undefined) return;
    const axis = draw.below(x.tensor.rank);
    const rest = x.tensor.shape.toSpliced(axis, 1).join();
    const fits = (y: Tensor) => y.rank === x.tensor.rank && y.shape.toSpliced(axis, 1).join() === rest;
    const others = Array.from({ length: 1 + draw.below(3) }, () => draw.value(fits)!.reference);
    draw.emit("concat", [x.reference, ...others], axis);
  },
  stack: (draw) => {
    const x = draw.value();
    if (x === undefined) return;
    const other = draw.value((y) => y.shape.join() === x.tensor.shape.join())!;
    draw.emit("stack", [x.reference, other.reference], draw.below(x.tensor.rank + 1));
  },
  take: (draw) => {
    const x = draw.value(({ rank, size }) => rank > 0 && size > 0);
    if (x === undefined) return;
    const axis = draw.below(x.tensor.rank);
    const indices = indicesFor(draw, x.tensor.shape[axis]!, 2);
    if (indices !== undefined) draw.emit("take", x.reference, indices.reference, axis);
  },
  oneHot: (draw) => {
    const indices = indicesFor(draw, 4, 2);
    if (indices !== undefined) draw.emit("oneHot", indices.reference, draw.pick([5, 3, 4])!);
  },
  astype: (draw) => {
    const x = draw.value();
    if (x === undefined) return;
    // A float of another width only where there is one already, so that programs of one width exist.
    const floats = new Set(draw.values.map(({ tensor }) => tensor.dtype));
    const targets = dtypes.filter((dtype) => !dtype.startsWith("float") || floats.has(dtype));
    draw.emit("astype", x.reference, draw.pick(targets)!);
  },
  takeAlongAxis: (draw) => {
    const x = draw.value(({ rank, size }) => rank > 0 && size > 0);
    if (x === undefined) return;
    const axis = draw.below(x.tensor.rank);
    const indices = indicesAlong(draw, x.tensor.shape, axis, x.tensor.shape[axis]!);
    if (indices !== undefined) draw.emit("takeAlongAxis", x.reference, indices.reference, axis);
  },
  scatterAddAlongAxis: (draw) => {
    const x = draw.value(({ rank, dtype }) => rank > 0 && dtype !== "bool");
    if (x === undefined) return;
    const axis = draw.below(x.tensor.rank);
    const length = draw.pick([x.tensor.shape[axis]!, 1, 3, 8])!;
    const indices = indicesAlong(draw, x.tensor.shape, axis, length);
    if (indices !== undefined) draw.emit("scatterAddAlongAxis", x.reference, indices.reference, axis, length);
  },
};

/** Indices below `length` of a shape: integers of that shape, or the order of what has it. */
function indicesAlong(draw: Draw, shape: readonly number[], axis: number, length: number): Value | undefined {
  const found = draw.value((x) => x.shape.join() === shape.join())!;
  const integers = isInteger(found.tensor) ? found : draw.emit("argsort", found.reference, axis);
  return integers && draw.emit("mod", integers.reference, length);
}
