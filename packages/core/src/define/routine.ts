import type { DenseArray, Kernel } from "../operation.ts";
import type { Primitive } from "./primitive.ts";

/** Computes the outputs of a routine from its dense inputs. */
export type RoutineFunction<A> = (
  inputs: readonly DenseArray[],
  attributes: A,
  outputs: readonly DenseArray[],
) => void;

/** A graph operation that is a whole-array algorithm, given by its reference implementation. */
export const routinePrimitive = <A>(
  name: string,
  run: RoutineFunction<A>,
  rules: Pick<Primitive<A>, "type" | "jvp" | "transpose" | "batch">,
): Primitive<A> => ({ name, kernel: { kind: "routine", run } as Kernel, ...rules });

/** An array seen along one axis: `outer` blocks of `length` elements that stand `inner` apart. */
export interface AxisView {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

/** Splits a shape at an axis. */
export function alongAxis(shape: readonly number[], axis: number): AxisView {
  const product = (part: readonly number[]) => part.reduce((a, b) => a * b, 1);
  return {
    outer: product(shape.slice(0, axis)),
    length: shape[axis]!,
    inner: product(shape.slice(axis + 1)),
  };
}
