import { onesLike, type Tensor, vjp } from "@amari/core";

const isFloat = ({ dtype }: Tensor): boolean => dtype.startsWith("float");

/**
 * The cotangents of all float arguments, for ones as cotangents of all float results: what reverse mode makes of a
 * function of mixed types.
 *
 * @example gradients((x, i) => [x.take(i)])(tensor([1, 2]), tensor([0, 0], { dtype: "int32" })) // [tensor([2, 0])]
 */
export const gradients =
  (f: (...inputs: Tensor[]) => readonly Tensor[]) =>
  (...inputs: Tensor[]): Tensor[] => {
    const ofFloats = (...floats: Tensor[]): Tensor[] => {
      let next = 0;
      return f(...inputs.map((x) => (isFloat(x) ? floats[next++]! : x))).filter(isFloat);
    };
    const [values, pullback] = vjp(ofFloats, ...inputs.filter(isFloat));
    return pullback(values.map((y) => onesLike(y) as Tensor));
  };
