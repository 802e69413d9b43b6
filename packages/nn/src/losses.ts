import { type BroadcastCheck, DTypeError, type Shape, ShapeError, softplus, type Tensor } from "@amari/core";
import { isFloat } from "@amari/core/backend";

/** Refuses to broadcast: `[n]` against `[n, 1]` would silently make a matrix of all pairs. */
function checkSameShape(predictions: Tensor, targets: Tensor, what: string): void {
  const [a, b] = [predictions.shape, targets.shape];
  if (a.length === b.length && a.every((n, i) => n === b[i])) return;
  throw new ShapeError(
    `${what}: expected predictions and targets of one shape, got [${a.join(", ")}] and [${b.join(", ")}]; ` +
      "write targets.reshape(predictions.shape) or broadcastTo if that is what you mean",
  );
}

/**
 * The cross entropy of independent binary labels, elementwise, in nats: with p = sigmoid(logit),
 * `-y log p - (1 - y) log(1 - p)`, computed as `y softplus(-logit) + (1 - y) softplus(logit)`, which neither
 * overflows nor cancels.
 *
 * @param logits float, of any shape
 * @param labels of the same shape: 0 or 1, bools, or probabilities
 * @returns the shape of the logits, one loss per label
 * @throws ShapeError where the shapes differ, DTypeError where the logits are not floats
 */
export function binaryCrossEntropyWithLogits<S extends Shape, T extends Shape>(
  logits: Tensor<S>,
  labels: Tensor<T> & BroadcastCheck<T, S>,
): Tensor<S> {
  const [z, given]: [Tensor, Tensor] = [logits, labels];
  checkSameShape(z, given, "binaryCrossEntropyWithLogits");
  if (!isFloat(z.dtype)) {
    throw new DTypeError(
      `binaryCrossEntropyWithLogits: expected float logits, got ${z.dtype}; the logits come first, the labels second`,
    );
  }
  const y = isFloat(given.dtype) ? given : given.astype(z.dtype);
  return y.mul(softplus(z.neg())).add(y.neg().add(1).mul(softplus(z))) as Tensor as Tensor<S>;
}

/**
 * `(prediction - target)^2`, elementwise.
 *
 * @throws ShapeError where the shapes differ
 */
export function squaredError<S extends Shape, T extends Shape>(
  predictions: Tensor<S>,
  targets: Tensor<T> & BroadcastCheck<T, S>,
): Tensor<S> {
  const [a, b]: [Tensor, Tensor] = [predictions, targets];
  checkSameShape(a, b, "squaredError");
  return a.sub(b).square() as Tensor as Tensor<S>;
}

/**
 * The mean of `(prediction - target)^2` over all elements: a scalar.
 *
 * @throws ShapeError where the shapes differ
 */
export function meanSquaredError<S extends Shape, T extends Shape>(
  predictions: Tensor<S>,
  targets: Tensor<T> & BroadcastCheck<T, S>,
): Tensor<[]> {
  const [a, b]: [Tensor, Tensor] = [predictions, targets];
  checkSameShape(a, b, "meanSquaredError");
  return a.sub(b).square().mean();
}
