import type { Argument } from "../random-program.ts";
import { isFloat, isRanked, type Recipe } from "./recipe.ts";

// Operations along axes, by their signatures.

/** `(x, axis, options)`: over one axis, some, or all. */
export const overAxes =
  (name: string): Recipe =>
  (draw) => {
    // The derivative of a product takes memory of the square of its factors.
    const found = draw.value(({ size }) => name !== "prod" || size <= 600);
    // In some orders a product underflows before it meets an infinity.
    const x =
      name === "prod" && found && isFloat(found.tensor) ? draw.emit("clip", found.reference, -2, 2) : found;
    if (x === undefined) return;
    const axes = draw.subset(x.tensor.rank);
    const axis = axes.length === 0 ? [] : [axes.length === 1 ? axes[0]! : axes];
    const keepDims = draw.below(3) === 2;
    if (keepDims) draw.emit(name, x.reference, axis[0] ?? axes, { keepDims });
    else draw.emit(name, x.reference, ...axis);
  };

/** `(x, axis)`. */
export const alongAxis =
  (name: string, options: readonly Argument[] = []): Recipe =>
  (draw) => {
    const x = draw.value(isRanked);
    if (x === undefined) return;
    const axis = draw.below(x.tensor.rank);
    const option = draw.pick([undefined, ...options]);
    draw.emit(name, x.reference, axis, ...(option === undefined ? [] : [option]));
  };
