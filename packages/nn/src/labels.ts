import { ArgumentError, DTypeError, ShapeError, type Tensor } from "@amari/core";
import { isFloat, isInteger } from "@amari/core/backend";

/** Whether labels are class indices, one per example, or probabilities, one per example and class. */
export type LabelKind = "indices" | "probabilities";

const show = ({ dtype, shape }: Tensor): string => `${dtype}[${shape.join(", ")}]`;
const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);

/** Checks logits, which have the classes on their last axis. */
export function checkLogits(logits: Tensor, what: string): number {
  if (logits.rank === 0) {
    throw new ShapeError(`${what}: expected logits with the classes on the last axis, got a scalar`);
  }
  if (!isFloat(logits.dtype)) {
    throw new DTypeError(`${what}: expected float logits, got ${show(logits)}`);
  }
  return logits.shape.at(-1)!;
}

/**
 * Tells what labels are from their dtype and shape.
 *
 * @throws DTypeError, ShapeError, ArgumentError with what to write instead
 */
export function checkLabels(logits: Tensor, labels: Tensor, what: string): LabelKind {
  const classes = checkLogits(logits, what);
  const batch = logits.shape.slice(0, -1);
  const likeBatch = sameShape(labels.shape, batch);
  const likeLogits = sameShape(labels.shape, logits.shape);
  if (isFloat(labels.dtype) && likeLogits) return "probabilities";
  if (isInteger(labels.dtype) && likeBatch) {
    checkRange(labels, classes, what);
    return "indices";
  }
  const expected =
    `expected class indices int32[${batch.join(", ")}] or probabilities ${logits.dtype}[${logits.shape.join(", ")}] ` +
    `for logits ${show(logits)}, got ${show(labels)}`;
  if (likeBatch) {
    throw new DTypeError(
      `${what}: ${expected}; class indices must be integers: write labels.astype("int32"), or make them by ` +
        'tensor([...], { dtype: "int32" })',
    );
  }
  if (likeLogits) {
    throw new DTypeError(
      `${what}: ${expected}; for a one-hot encoding write labels.astype("${logits.dtype}")`,
    );
  }
  const column = sameShape(labels.shape, [...batch, 1]);
  throw new ShapeError(`${what}: ${expected}${column ? "; drop the last axis by labels.squeeze(-1)" : ""}`);
}

/** Refuses an index that names no class, where the values are at hand without running or waiting for anything. */
function checkRange(labels: Tensor, classes: number, what: string): void {
  const { storage } = labels.node;
  if (storage === null || storage.disposed || storage.backend !== null) return;
  const at = storage.readSync()!.findIndex((label) => label < 0 || label >= classes);
  if (at < 0) return;
  throw new ArgumentError(
    `${what}: expected labels from 0 to ${classes - 1}, since the logits have ${classes} classes; ` +
      `element ${at} is ${labels.dataSync()[at]}. Number the classes from 0`,
  );
}
