import { ArgumentError, type DType, full, type Tensor } from "@amari/core";
import { checkNonNegative, checkPositive, withDefaults } from "./options.ts";
import { checkLearningRate, type LearningRate, type Schedule } from "./schedule.ts";

const asSchedule = (rate: LearningRate): Schedule =>
  typeof rate === "number" ? constantSchedule(rate) : rate;

/** `count / steps`, from 0 to at most 1. */
const progress = (count: Tensor, steps: number, dtype: DType): Tensor =>
  count.astype(dtype).div(steps).minimum(1);

/** The same value at every step. @throws ArgumentError unless it is a finite number >= 0 */
export function constantSchedule(value: number): Schedule {
  checkNonNegative("constantSchedule", "value", value);
  return (_, dtype) => full([], value, { dtype });
}

/**
 * `initial / sqrt(t)` at step t = 1, 2, ...: the schedule of the convergence theorems of Adam (arXiv 1412.6980).
 *
 * @throws ArgumentError unless it is a finite number >= 0
 */
export function inverseSqrt(initial: number): Schedule {
  checkNonNegative("inverseSqrt", "initial", initial);
  return (count, dtype) => count.add(1).astype(dtype).rsqrt().mul(initial);
}

/**
 * Rises linearly to the full rate in `steps` steps: the first step has 1 / steps of it. The schedule `rate` runs from
 * the first step on.
 *
 * @throws ArgumentError unless steps is a positive integer
 */
export function warmup(steps: number, rate: LearningRate): Schedule {
  checkSteps("warmup", steps);
  checkLearningRate("warmup", rate);
  const after = asSchedule(rate);
  return (count, dtype) =>
    after(count, dtype)
      .astype(dtype)
      .mul(progress(count.add(1), steps, dtype));
}

/**
 * `initial * rate^(count / steps)`; with `staircase` the exponent is rounded down.
 *
 * @throws ArgumentError for a value out of range
 */
export function exponentialDecay(
  initial: number,
  rate: number,
  steps: number,
  options: { readonly staircase?: boolean } = {},
): Schedule {
  const { staircase } = withDefaults("exponentialDecay", options, { staircase: false });
  checkNonNegative("exponentialDecay", "initial", initial);
  checkPositive("exponentialDecay", "rate", rate);
  checkSteps("exponentialDecay", steps);
  return (count, dtype) => {
    const exponent = count.astype(dtype).div(steps);
    return (staircase ? exponent.floor() : exponent).mul(Math.log(rate)).exp().mul(initial);
  };
}

/**
 * Half a cosine from `initial` at the first step to `final` (default 0) after `steps` steps, and `final` from then on
 * (Loshchilov and Hutter 2017, arXiv 1608.03983, without restarts).
 *
 * @throws ArgumentError for a value out of range
 */
export function cosineDecay(initial: number, steps: number, final = 0): Schedule {
  checkNonNegative("cosineDecay", "initial", initial);
  checkNonNegative("cosineDecay", "final", final);
  checkSteps("cosineDecay", steps);
  return (count, dtype) =>
    progress(count, steps, dtype)
      .mul(Math.PI)
      .cos()
      .add(1)
      .mul((initial - final) / 2)
      .add(final);
}

/**
 * A straight line from `initial` at the first step to `final` after `steps` steps, and `final` from then on.
 *
 * @throws ArgumentError for a value out of range
 */
export function linearDecay(initial: number, steps: number, final = 0): Schedule {
  checkNonNegative("linearDecay", "initial", initial);
  checkNonNegative("linearDecay", "final", final);
  checkSteps("linearDecay", steps);
  return (count, dtype) =>
    progress(count, steps, dtype)
      .mul(final - initial)
      .add(initial);
}

/**
 * `rates[i]` from the step with `count = boundaries[i - 1]` on: one boundary less than there are rates. Schedules among
 * the rates see the count of the whole run.
 *
 * @example piecewise([0.1, 0.01], [1000]) // a tenth from the 1001st step on
 * @throws ArgumentError unless the boundaries are increasing positive integers, one less than the rates
 */
export function piecewise(rates: readonly LearningRate[], boundaries: readonly number[]): Schedule {
  for (const rate of rates) checkLearningRate("piecewise", rate);
  const increasing = boundaries.every((b, i) => Number.isInteger(b) && b > (boundaries[i - 1] ?? 0));
  if (rates.length !== boundaries.length + 1 || !increasing) {
    throw new ArgumentError(
      "piecewise: expected increasing positive integers as boundaries, one less than there are rates, got " +
        `${rates.length} rates and the boundaries [${boundaries.join(", ")}]`,
    );
  }
  const pieces = rates.map(asSchedule);
  return (count, dtype) =>
    boundaries.reduce(
      (before, boundary, i) =>
        count.lt(boundary).where(before, pieces[i + 1]!(count, dtype).astype(dtype)) as Tensor,
      pieces[0]!(count, dtype).astype(dtype),
    );
}

function checkSteps(schedule: string, steps: number): void {
  if (Number.isInteger(steps) && steps > 0) return;
  throw new ArgumentError(`${schedule}: steps must be a positive integer, got ${String(steps)}`);
}
