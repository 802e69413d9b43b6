import {
  ArgumentError,
  argmax,
  type BroadcastCheck,
  logSoftmax,
  type Reduce,
  type Shape,
  type Tensor,
  takeAlongAxis,
} from "@amari/core";
import { checkLabels } from "./labels.ts";

/** Fails to compile where labels of shape L are neither one per row of logits of shape S nor of that shape. */
type LabelsCheck<S extends Shape, L extends Shape> = L["length"] extends S["length"]
  ? BroadcastCheck<L, S>
  : BroadcastCheck<L, Reduce<S, -1>>;

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions {
  /**
   * The share alpha of every label that is spread evenly over all classes, 0 <= alpha < 1: the target is
   * `(1 - alpha) p + alpha / classes` (Szegedy et al. 2016, section 7). Default 0.
   */
  readonly labelSmoothing?: number;
}

/**
 * The cross entropy `-sum over classes of target log softmax(logits)` of each example, in nats.
 *
 * @param logits float `[...batch, classes]`: unnormalised log probabilities
 * @param labels int32 or uint32 `[...batch]`, the index of each example's class; or float `[...batch, classes]`,
 *   probabilities that sum to 1. The loss of an index that names no class is NaN; where the values are at hand, such as
 *   outside of jit, it is an ArgumentError.
 * @returns `[...batch]`, one loss per example; take `.mean()` of it to train
 * @throws DTypeError, ShapeError where the labels are neither; ArgumentError for labels or options out of range
 * @example crossEntropy(model.apply(params, x), y).mean()
 */
export function crossEntropy<S extends Shape, L extends Shape>(
  logits: Tensor<S>,
  labels: Tensor<L> & LabelsCheck<S, L>,
  { labelSmoothing = 0 }: CrossEntropyOptions = {},
): Tensor<Reduce<S, -1>> {
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new ArgumentError(
      `crossEntropy: expected labelSmoothing with 0 <= alpha < 1, got ${String(labelSmoothing)}`,
    );
  }
  const kind = checkLabels(logits, labels, "crossEntropy");
  const logProbabilities: Tensor = logSoftmax(logits as Tensor);
  const hard =
    kind === "indices" ? pick(logProbabilities, labels).neg() : logProbabilities.mul(labels).sum(-1).neg();
  const loss =
    labelSmoothing === 0
      ? hard
      : hard.mul(1 - labelSmoothing).sub(logProbabilities.mean(-1).mul(labelSmoothing));
  return loss as Tensor as Tensor<Reduce<S, -1>>;
}

/** The element at each index of the last axis; an index that names none reads NaN rather than counting from the end. */
function pick(x: Tensor, indices: Tensor): Tensor {
  const classes = x.shape.at(-1)!;
  const strict: Tensor = indices.lt(0).where(classes, indices);
  return takeAlongAxis(x, strict.expandDims(-1), -1).squeeze(-1);
}

/**
 * The share of examples whose largest logit is at the right class, from 0 to 1: a float32 scalar.
 *
 * @param logits float `[...batch, classes]`
 * @param labels as for {@link crossEntropy}; of probabilities the largest is the right class
 * @throws DTypeError, ShapeError, ArgumentError for labels that do not fit
 */
export function accuracy<S extends Shape, L extends Shape>(
  logits: Tensor<S>,
  labels: Tensor<L> & LabelsCheck<S, L>,
): Tensor<[]> {
  const kind = checkLabels(logits, labels, "accuracy");
  const right: Tensor = kind === "indices" ? labels : argmax(labels, -1);
  return argmax(logits, -1).eq(right).astype("float32").mean();
}
