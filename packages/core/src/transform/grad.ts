import { kindOf } from "../define/coerce.ts";
import { isFloat } from "../dtype.ts";
import { GradientError } from "../errors/errors.ts";
import { onesLike } from "../ops/creation.ts";
import { showShape } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { linearMapOf, type Opened, openVariables, pullBack, rebuildAll } from "./differentiate.ts";
import { checkFunction, inScope } from "./scope.ts";
import type { Grad, ValueAndGrad } from "./signatures.ts";

/** Options of the grad family. */
export interface GradOptions {
  /** Which arguments to differentiate by: one, or a list, for which a list of gradients comes back. Default 0. */
  readonly argnums?: number | readonly number[];
  /** Whether f returns `[loss, aux]`; aux is passed through without a derivative. */
  readonly hasAux?: boolean;
}

type Result = readonly [value: unknown, gradients: unknown];

function differentiate(f: (...args: never[]) => unknown, options: GradOptions, label: string) {
  checkFunction(f, label);
  const { argnums = 0, hasAux = false } = options;
  const list = typeof argnums === "number" ? [argnums] : argnums;
  return (...args: unknown[]): Result | Promise<Result> => {
    const opened = openVariables(args, list, label);
    const call = f as unknown as (...args: readonly unknown[]) => unknown;
    return inScope(
      opened.scope,
      () => call(...opened.arguments),
      (result): Result => {
        const loss = hasAux ? (result as readonly unknown[])[0] : result;
        const gradients = gradientsOf(checkLoss(loss, label, hasAux), opened);
        return [result, typeof argnums === "number" ? gradients[0] : gradients];
      },
    );
  };
}

function gradientsOf(loss: Tensor, opened: Opened): unknown[] {
  const map = linearMapOf([loss], opened);
  return rebuildAll(opened.structures, pullBack(map, [onesLike(loss) as Tensor]));
}

function checkLoss(loss: unknown, label: string, hasAux: boolean): Tensor {
  if (!(loss instanceof Tensor)) {
    const expected = hasAux ? "[loss, aux] with a scalar tensor first" : "a scalar tensor";
    const hint =
      Array.isArray(loss) || (!hasAux && typeof loss === "object")
        ? "; pass { hasAux: true } to return more than the loss"
        : "";
    throw new GradientError(`${label}: the function must return ${expected}, got ${kindOf(loss)}${hint}`);
  }
  if (loss.rank !== 0) {
    throw new GradientError(
      `${label}: the function must return a scalar, got shape ${showShape(loss.shape)}; ` +
        "reduce it with sum() or mean(), or use jacrev for all derivatives",
    );
  }
  if (!isFloat(loss.dtype)) {
    throw new GradientError(
      `${label}: the function must return a float, got ${loss.dtype}, which has no derivative`,
    );
  }
  return loss;
}

const then = <T, R>(value: T | Promise<T>, f: (value: T) => R): R | Promise<R> =>
  value instanceof Promise ? value.then(f) : f(value);

/**
 * The gradient of a scalar function, as a function of the same arguments: a tree like the argument.
 *
 * The function may be async; values are real inside it, so `if` and `while` on `await x.item()` work.
 *
 * @example grad((x) => x.square().sum())(tensor([1, 2])) // [2, 4]
 * @throws GradientError for a result that is not a float scalar, or an argument that is not made of floats
 */
export const grad: Grad = ((f: (...args: never[]) => unknown, options: GradOptions = {}) => {
  const call = differentiate(f, options, "grad");
  const select = options.hasAux
    ? ([result, gradients]: Result) => [gradients, (result as readonly unknown[])[1]]
    : ([, gradients]: Result) => gradients;
  return (...args: unknown[]) => then(call(...args), select);
}) as unknown as Grad;

/**
 * The value and the gradient of a scalar function, from one forward pass: `[value, gradient]`, or with `hasAux`
 * `[[value, aux], gradient]`.
 *
 * @throws GradientError as {@link grad}
 */
export const valueAndGrad: ValueAndGrad = ((f: (...args: never[]) => unknown, options: GradOptions = {}) =>
  differentiate(f, options, "valueAndGrad")) as unknown as ValueAndGrad;
