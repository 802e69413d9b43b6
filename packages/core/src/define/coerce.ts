import { type DType, promoteTypes, weakType } from "../dtype.ts";
import { ArgumentError } from "../errors/errors.ts";
import { broadcastShapes, sameShape } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { apply, type Primitive } from "./primitive.ts";

/** What the functions accept where a tensor is meant: numbers and booleans take the dtype of their neighbours. */
export type TensorLike = Tensor | number | boolean;

/** A scalar number; not part of a program's structure, so that each learning rate does not compile anew. */
export const constant: Primitive<{ readonly value: number; readonly dtype: DType }> = {
  name: "constant",
  kernel: { kind: "constant" },
  type: (_, { dtype }) => ({ shape: [], dtype }),
  jvp: { notDifferentiable: "a constant has no operands" },
  batch: () => {
    throw new Error("a constant has no operands to batch");
  },
};

/** A scalar tensor of a given dtype. */
export const scalar = (value: number | boolean, dtype: DType): Tensor<[]> =>
  apply(constant, [], { value: Number(value), dtype }) as Tensor<[]>;

/** Makes a tensor of a number or boolean that stands beside no tensor. */
export function toTensor(value: TensorLike, what: string): Tensor {
  if (value instanceof Tensor) return value;
  checkOperand(value, what);
  return scalar(value, weakType(value, undefined));
}

/** Brings operands to one dtype: JAX's promotion among tensors, weak typing for numbers. */
export function promote(operands: readonly TensorLike[], what: string, atLeast?: DType): Tensor[] {
  let dtype: DType | undefined = atLeast;
  for (const operand of operands) {
    checkOperand(operand, what);
    if (operand instanceof Tensor)
      dtype = dtype === undefined ? operand.dtype : promoteTypes(dtype, operand.dtype);
  }
  if (!operands.some((operand) => operand instanceof Tensor)) dtype = atLeast;
  for (const operand of operands) {
    if (operand instanceof Tensor) continue;
    const weak = weakType(operand, dtype);
    dtype = dtype === undefined ? weak : promoteTypes(dtype, weak);
  }
  return operands.map((operand) =>
    operand instanceof Tensor ? castTo(operand, dtype!) : scalar(operand, dtype!),
  );
}

/** Brings operands to one shape by NumPy's broadcasting. */
export function broadcast(operands: readonly Tensor[], what: string): Tensor[] {
  let shape = operands[0]!.shape;
  for (const operand of operands) shape = broadcastShapes(shape, operand.shape, what);
  return operands.map((operand) => (sameShape(operand.shape, shape) ? operand : operand.broadcastTo(shape)));
}

const castTo = (operand: Tensor, dtype: DType): Tensor =>
  operand.dtype === dtype ? operand : operand.astype(dtype);

/** What a value is that should have been another, for messages. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  const kind = Array.isArray(value) ? "array" : typeof value;
  return `${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind}`;
}

function checkOperand(value: unknown, what: string): void {
  if (value instanceof Tensor || typeof value === "number" || typeof value === "boolean") return;
  throw new ArgumentError(
    `${what}: expected a tensor, a number or a boolean, got ${kindOf(value)}; wrap data by tensor(...)`,
  );
}
