import { ArgumentError, type DType, type Tensor } from "@amari/core";
import type { StepTime } from "./per-tensor.ts";

/**
 * A quantity that changes over time: maps the number of finished steps (an int32 scalar, 0 at the first step) to a
 * float scalar. `dtype` is that of the parameters; a schedule that ignores it is converted.
 *
 * @example const inverseTime: Schedule = (count) => count.add(1).reciprocal().mul(0.1)
 */
export type Schedule = (count: Tensor, dtype: DType) => Tensor;

/** A step size: a number, or a schedule for one that changes (and for one that is a tensor: `() => tensor`). */
export type LearningRate = number | Schedule;

/** @throws ArgumentError unless it is a schedule or a finite number >= 0 */
export function checkLearningRate(optimizer: string, value: LearningRate): LearningRate {
  if (typeof value === "function") return value;
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  throw new ArgumentError(
    `${optimizer}: learningRate must be a finite number >= 0 or a schedule, got ${String(value)}; ` +
      "updates carry the minus sign of descent already",
  );
}

/** The learning rate of this step, in the dtype of the parameters. */
export const learningRateAt = (rate: LearningRate, { count, dtype }: StepTime): Tensor | number =>
  typeof rate === "number" ? rate : rate(count, dtype).astype(dtype);
