import { ArgumentError, flatten, jvp, type Tensor, tensor, vjp } from "@amari/core";
import { MismatchError } from "./expect-close.ts";
import { sampleDirection, type Uniform, uniformFrom } from "./sample.ts";

/** Options of {@link checkGrads}. */
export interface CheckGradsOptions {
  /** Which derivatives are checked: the first, or the first and the second. Default 2. */
  readonly order?: 1 | 2;
  /** In how many random directions. Default 1. */
  readonly directions?: number;
  /** Which directions: the same seed gives the same. Default 0. */
  readonly seed?: number;
  /**
   * The relative error with which the function itself is computed, in units of 2^-52: it decides how much of a
   * difference is noise. Default 64.
   */
  readonly conditioning?: number;
  /** What is checked, at the head of the error. */
  readonly what?: string;
}

/** A function of float64 tensors with float64 results, and a point. */
interface Problem {
  readonly f: FlatFunction;
  readonly point: readonly Tensor[];
}

type FlatFunction = (...x: Tensor[]) => Tensor[];

/**
 * Checks the derivatives of a function of trees of float64 tensors, in random directions v and u:
 *
 * - the jvp `J v` agrees with central differences along v ({@link checkJvp}),
 * - the vjp is its adjoint: `<J v, u> = <v, J' u>` ({@link checkVjp}),
 * - and, for order 2, both hold again for `x -> J(x) v` and for `x -> J(x)' u`: forward over forward, forward over
 *   reverse, reverse over forward and reverse over reverse ({@link checkSecondOrder}).
 *
 * Leaves that are integers or bools are held fixed.
 *
 * @example checkGrads((p) => p.w.matmul(p.x).tanh().sum(), [{ w, x }])
 * @throws MismatchError where a derivative is wrong, ArgumentError for an argument without float64 tensors
 */
export function checkGrads<Args extends readonly unknown[]>(
  f: (...args: Args) => unknown,
  args: readonly [...Args],
  options: CheckGradsOptions = {},
): void {
  checkJvp(f, args, options);
  checkVjp(f, args, options);
  if (options.order !== 1) checkSecondOrder(f, args, options);
}

/**
 * The part of {@link checkGrads} that compares the jvp with finite differences.
 *
 * The tolerance is derived. With `D(h) = (f(x + h v) - f(x - h v)) / 2h = J v + O(h^2)`, the extrapolation
 * `(4 D(h) - D(2h)) / 3` has an error of `O(h^4)`, for which `|D(2h) - D(h)|` is a generous bound; the rounding of f
 * adds `conditioning * 2^-52 * |f| / h`. Where that bound is not small f has a kink or a pole within 2h, and the check
 * says so instead of passing.
 */
export function checkJvp<Args extends readonly unknown[]>(
  f: (...args: Args) => unknown,
  args: readonly [...Args],
  options: CheckGradsOptions = {},
): void {
  const problem = problemOf(f, args, options);
  inDirections(options, (uniform) => checkDifferences(problem, uniform, options));
}

/** The part of {@link checkGrads} that compares the vjp with the jvp. */
export function checkVjp<Args extends readonly unknown[]>(
  f: (...args: Args) => unknown,
  args: readonly [...Args],
  options: CheckGradsOptions = {},
): void {
  const problem = problemOf(f, args, options);
  inDirections(options, (uniform) => checkAdjoint(problem, uniform, options));
}

/** The part of {@link checkGrads} that checks the derivatives of the jvp and of the vjp. */
export function checkSecondOrder<Args extends readonly unknown[]>(
  f: (...args: Args) => unknown,
  args: readonly [...Args],
  options: CheckGradsOptions = {},
): void {
  const { f: flat, point } = problemOf(f, args, options);
  const { conditioning = defaultConditioning, what = "checkGrads" } = options;
  inDirections(options, (uniform) => {
    const v = point.map((x) => sampleDirection(x, uniform));
    const u = flat(...point).map((y) => sampleDirection(y, uniform));
    const derivatives: [name: string, f: FlatFunction][] = [
      ["x -> J(x) v", (...x) => jvp(flat, x, v)[1]],
      ["x -> J(x)' u", (...x) => vjp(flat, ...x)[1](u)],
    ];
    for (const [name, derivative] of derivatives) {
      const inner = { conditioning: 16 * conditioning, what: `${what}: second order, ${name}` };
      checkDifferences({ f: derivative, point }, uniform, inner);
      checkAdjoint({ f: derivative, point }, uniform, inner);
    }
  });
}

function inDirections(
  { directions = 1, seed = 0 }: CheckGradsOptions,
  check: (uniform: Uniform) => void,
): void {
  const uniform = uniformFrom(seed);
  for (let i = 0; i < directions; i++) check(uniform);
}

function problemOf<Args extends readonly unknown[]>(
  f: (...args: Args) => unknown,
  args: readonly [...Args],
  { what = "checkGrads" }: CheckGradsOptions,
): Problem {
  const { leaves, structure } = flatten(args);
  const chosen = leaves.flatMap((leaf, i) => (leaf.dtype === "float64" ? [i] : []));
  if (chosen.length === 0 || leaves.some(({ dtype }) => dtype === "float32")) {
    const got = leaves.length === 0 ? "no tensors" : leaves.map(({ dtype }) => dtype).join(", ");
    throw new ArgumentError(
      `${what}: expected float64 tensors, since finite differences in float32 show nothing; got ${got}. ` +
        'Write tensor(data, { dtype: "float64" }) or x.astype("float64")',
    );
  }
  const flat: FlatFunction = (...x) => {
    const all = [...leaves];
    chosen.forEach((at, i) => {
      all[at] = x[i]!;
    });
    const result = f(...(structure.rebuild(all) as [...Args]));
    return flatten(result).leaves.filter(({ dtype }) => dtype === "float64");
  };
  return { f: flat, point: chosen.map((i) => leaves[i]!.realise()) };
}

const defaultConditioning = 64;
const step = 1e-4;
const notSmooth = 1e-3;

function checkDifferences({ f, point }: Problem, uniform: Uniform, options: CheckGradsOptions): void {
  const { conditioning = defaultConditioning, what = "checkGrads" } = options;
  const v = point.map((x) => sampleDirection(x, uniform));
  const [values, tangents] = jvp(f, [...point], v);
  const at = (t: number) =>
    f(...point.map((x, i) => moved(x, v[i]!, t))).map((y) => y.dataSync() as Float64Array);
  const [near, farther] = [step, 2 * step].map((h) => {
    const [ahead, behind] = [at(h), at(-h)];
    return ahead.map((y, k) => y.map((value, i) => (value - behind[k]![i]!) / (2 * h)));
  }) as [Float64Array[], Float64Array[]];
  values.forEach((value, k) => {
    const y = value.dataSync() as Float64Array;
    const tangent = tangents[k]!.dataSync();
    const largest = y.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const noise = (conditioning * Number.EPSILON * largest) / step;
    tangent.forEach((derivative, i) => {
      const [d1, d2] = [near[k]![i]!, farther[k]![i]!];
      const difference = (4 * d1 - d2) / 3;
      const bound = Math.abs(d2 - d1) + noise + Number.EPSILON;
      if (Math.abs(derivative - difference) <= bound && bound <= notSmooth * (1 + Math.abs(difference)))
        return;
      const where = `element ${i} of result ${k}`;
      throw new MismatchError(
        bound > notSmooth * (1 + Math.abs(difference))
          ? `${what}: ${where} is not smooth here: its differences are ${d1} and ${d2} for steps of ${step} and ` +
              `${2 * step}, the jvp is ${derivative}; choose a point away from kinks and poles`
          : `${what}: the jvp of ${where} is ${derivative}, finite differences give ${difference} +- ${bound}; ` +
              "check the operation's jvp rule",
      );
    });
  });
}

/** `x + t v` */
function moved(x: Tensor, v: Tensor, t: number): Tensor {
  const [from, along] = [x.dataSync(), v.dataSync()];
  return tensor(
    Float64Array.from(from, (value, i) => value + t * along[i]!),
    { shape: x.shape },
  ) as Tensor;
}

/** `<J v, u> = <v, J' u>`, to the rounding of the sums. */
function checkAdjoint({ f, point }: Problem, uniform: Uniform, options: CheckGradsOptions): void {
  const { what = "checkGrads" } = options;
  const v = point.map((x) => sampleDirection(x, uniform));
  const [values, tangents] = jvp(f, [...point], v);
  const u = values.map((value) => sampleDirection(value, uniform));
  const cotangents = vjp(f, ...point)[1](u);
  const [forward, backward] = [inner(tangents, u), inner(v, cotangents)];
  const bound = 2 ** 12 * Number.EPSILON * Math.max(forward.magnitude, backward.magnitude);
  if (Math.abs(forward.sum - backward.sum) <= bound) return;
  throw new MismatchError(
    `${what}: the vjp is not the adjoint of the jvp: <J v, u> = ${forward.sum} but <v, J' u> = ${backward.sum} ` +
      `(+- ${bound}); check the transpose rules of the operations that the jvp uses`,
  );
}

/** The inner product of two lists of tensors, and the sum of the magnitudes of its terms. */
function inner(a: readonly Tensor[], b: readonly Tensor[]): { sum: number; magnitude: number } {
  let [sum, magnitude] = [0, 0];
  a.forEach((x, k) => {
    const other = b[k]!.dataSync();
    x.dataSync().forEach((value, i) => {
      sum += value * other[i]!;
      magnitude += Math.abs(value * other[i]!);
    });
  });
  return { sum, magnitude };
}
