import type { Draw, Value } from "../draw.ts";
import type { Argument } from "../random-program.ts";
import { type Recipes, shaped } from "./recipe.ts";

/** An image `[batch, channels, ...spatial]` of elements that there are. */
function image(draw: Draw): Value | undefined {
  const spatial = draw.pick([[7], [5, 6], [9, 4], [33], [3, 4, 3]])!;
  return shaped(draw, [1 + draw.below(3), draw.pick([1, 2, 3, 4, 8])!, ...spatial]);
}

const padding = (draw: Draw, spatial: readonly number[]): Argument =>
  draw.pick<Argument>(["valid", "same", 1, spatial.map((_, i) => [i, 1])])!;

/** Options with the defaults left out. */
const options = (entries: Readonly<Record<string, Argument>>): Argument =>
  Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== 1 && value !== "valid"));

/** A convolution or its adjoint; their kernels have the channels of the input in another place. */
const convolution =
  (name: "conv" | "convTranspose") =>
  (draw: Draw): void => {
    const x = image(draw);
    if (x === undefined) return;
    const [, channels, ...spatial] = x.tensor.shape;
    const groups = draw.pick([1, 1, channels!])!;
    const window = spatial.map((n) => 1 + draw.below(Math.min(n, 3)));
    const others = groups * (1 + draw.below(4));
    const ends = name === "conv" ? [others, channels! / groups] : [channels!, others / groups];
    const kernel = shaped(draw, [...ends, ...window], x);
    if (kernel === undefined) return;
    const given = options({
      strides: 1 + draw.below(3),
      padding: padding(draw, spatial),
      dilation: 1 + draw.below(2),
      groups,
    });
    draw.emit(name, x.reference, kernel.reference, given);
  };

const pooling =
  (name: "maxPool" | "averagePool") =>
  (draw: Draw): void => {
    const x = image(draw);
    if (x === undefined) return;
    const spatial = x.tensor.shape.slice(2);
    const given = options({ strides: 1 + draw.below(3), padding: padding(draw, spatial) });
    draw.emit(name, x.reference, 1 + draw.below(3), given);
  };

/** Uses of windows that slide. */
export const windows: Recipes = {
  conv: convolution("conv"),
  convTranspose: convolution("convTranspose"),
  maxPool: pooling("maxPool"),
  averagePool: pooling("averagePool"),
};
