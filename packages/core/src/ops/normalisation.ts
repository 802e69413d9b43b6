import { composite, type Defined, define, on, reals } from "../define/definition.ts";
import { accepted } from "../define/elementwise.ts";
import type { AlongAxisFunction, AlongAxisMethod, ClipFunction, ClipMethod } from "../define/signatures.ts";
import { resolveAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { overflowShift } from "./reductions.ts";

type Normalisation = Defined<AlongAxisFunction, AlongAxisMethod>;

function normalisation(name: string, expand: (shifted: Tensor, axis: number) => Tensor): Normalisation {
  const call = (operand: Tensor, axis = -1): Tensor => {
    const [x] = accepted([operand], "float", name) as [Tensor];
    return expand(x.sub(overflowShift(x, [resolveAxis(axis, x.rank, name)])), axis);
  };
  const cases = [on([[2, 3]], (x) => call(x)), on([[3, 2]], (x) => call(x, 0)), on([[2, 0]], (x) => call(x))];
  return define(composite(name, cases, 4), call) as unknown as Normalisation;
}

/** `exp(x) / sum(exp(x))` along `axis` (default the last), without overflow. */
export const softmax: Normalisation = normalisation("softmax", (shifted, axis) => {
  const exponentials = shifted.exp();
  return exponentials.div(exponentials.sum(axis, { keepDims: true }));
});

/** `x - logSumExp(x)` along `axis` (default the last), without overflow: the logarithm of {@link softmax}. */
export const logSoftmax: Normalisation = normalisation("logSoftmax", (shifted, axis) =>
  shifted.sub(shifted.exp().sum(axis, { keepDims: true }).log()),
);

/** The value, or the nearest of the bounds where it lies outside; null leaves a side open. */
export const clip: Defined<ClipFunction, ClipMethod> = define(
  composite("clip", [
    on([[2, 3]], (x) => clip(x, -1, 1), reals(-2, 2, [-1, 1])),
    on([[]], (x) => clip(x, null, 0.5), reals(-2, 2, [0.5])),
    on([[2]], (x) => clip(x, 0, null), reals(-2, 2, [0])),
  ]),
  ((x: Tensor, low: Tensor | number | null, high: Tensor | number | null): Tensor => {
    const raised = low === null ? x : x.maximum(low as Tensor);
    return high === null ? raised : raised.minimum(high as Tensor);
  }) as unknown as ClipFunction,
);
