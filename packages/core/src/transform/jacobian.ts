import { eye } from "../ops/creation.ts";
import type { Tensor } from "../tensor.ts";
import { flatten } from "../tree.ts";
import { type GradOptions, grad } from "./grad.ts";
import { jvp, linearize, vjp } from "./linearise.ts";
import { isPromise } from "./scope.ts";
import type { Hvp, Jacobian } from "./signatures.ts";
import { vmap } from "./vmap.ts";

/** Options of the Jacobians. */
export type JacobianOptions = Pick<GradOptions, "argnums">;

type AnyFunction = (...args: unknown[]) => unknown;

/** The standard basis of a tree of tensors: for each leaf, that leaf with a new first axis over all its directions. */
function basisOf(leaves: readonly Tensor[]): Tensor[] {
  const sizes = leaves.map((leaf) => leaf.size);
  const total = sizes.reduce((a, b) => a + b, 0);
  let before = 0;
  return leaves.map((leaf, i) => {
    const own = eye(leaf.size, leaf.size, { dtype: leaf.dtype }) as Tensor;
    const after = total - before - leaf.size;
    const rows = own.pad([
      [before, after],
      [0, 0],
    ]);
    before += sizes[i]!;
    return rows.reshape([total, ...leaf.shape]);
  });
}

/** Cuts the first axis of `rows` (one row per direction) into the leaves that the directions belong to. */
function splitRows(rows: Tensor, leaves: readonly Tensor[]): Tensor[] {
  let start = 0;
  return leaves.map((leaf) => {
    const part = rows.slice([start, start + leaf.size]);
    start += leaf.size;
    return part.reshape([...leaf.shape, ...rows.shape.slice(1)]);
  });
}

function onArgument(f: AnyFunction, args: readonly unknown[], argnum: number): AnyFunction {
  return (x) => f(...args.with(argnum, x));
}

function jacobian(f: AnyFunction, options: JacobianOptions, derive: (g: AnyFunction, x: unknown) => unknown) {
  const { argnums = 0 } = options;
  return (...args: unknown[]): unknown => {
    const derivative = (argnum: number) => derive(onArgument(f, args, argnum), args[argnum]);
    return typeof argnums === "number" ? derivative(argnums) : argnums.map(derivative);
  };
}

/**
 * All first derivatives by forward mode: one pass for each element of the argument, so for few inputs and many outputs.
 * For a tensor in and a tensor out, a tensor of shape `[...out, ...in]`; for trees, a tree like the result whose
 * leaves are trees like the argument.
 */
export const jacfwd: Jacobian = ((f: AnyFunction, options: JacobianOptions = {}) =>
  jacobian(f, options, (g, x) => {
    const input = flatten(x);
    const [value, push] = linearize(g as never, x as never) as unknown as [
      unknown,
      (tangent: unknown) => unknown,
    ];
    const columns = vmap(((leaves: unknown[]) => push(input.structure.rebuild(leaves))) as never)(
      basisOf(input.leaves) as never,
    );
    const output = flatten(value);
    const byOutput = flatten(columns).leaves.map((rows, i) => {
      const { rank } = output.leaves[i]!;
      // [in, ...out] to [...out, ...in], for each leaf of the argument.
      const parts = splitRows(rows, input.leaves).map((part, j) => {
        const inputRank = input.leaves[j]!.rank;
        const axes = Array.from({ length: inputRank + rank }, (_, axis) => axis);
        return part.permute([...axes.slice(inputRank), ...axes.slice(0, inputRank)]);
      });
      return input.structure.rebuild(parts);
    });
    return output.structure.rebuild(byOutput);
  })) as unknown as Jacobian;

/**
 * All first derivatives by reverse mode: one pass for each element of the result, so for few outputs and many inputs.
 * The result is that of {@link jacfwd}.
 */
export const jacrev: Jacobian = ((f: AnyFunction, options: JacobianOptions = {}) =>
  jacobian(f, options, (g, x) => {
    const input = flatten(x);
    const [value, pullback] = vjp(g as never, x as never) as unknown as [
      unknown,
      (cotangent: unknown) => [unknown],
    ];
    const output = flatten(value);
    const pull = (leaves: unknown[]): unknown => pullback(output.structure.rebuild(leaves))[0];
    const rows = flatten(vmap(pull as never)(basisOf(output.leaves) as never)).leaves;
    const split = rows.map((row) => splitRows(row, output.leaves));
    return output.structure.rebuild(
      output.leaves.map((_, i) => input.structure.rebuild(split.map((parts) => parts[i]!))),
    );
  })) as unknown as Jacobian;

/** All second derivatives of a scalar function: forward over reverse. For a tensor argument, `[...in, ...in]`. */
export const hessian: Jacobian = ((f: AnyFunction, options: JacobianOptions = {}) =>
  jacfwd(jacrev(f as never, options) as never, options)) as unknown as Jacobian;

/**
 * The Hessian of a scalar function applied to a direction, without the matrix: a jvp of the gradient.
 *
 * @example const Hv = hvp(loss, [params], [v]);
 */
export const hvp: Hvp = ((f: AnyFunction, primals: readonly unknown[], tangents: readonly unknown[]) => {
  const argnums = primals.map((_, i) => i);
  const result: unknown = jvp(grad(f as never, { argnums }) as never, primals as never, tangents as never);
  const select = (pair: unknown): unknown => {
    const products = (pair as [unknown, unknown[]])[1];
    return products.length === 1 ? products[0] : products;
  };
  return isPromise(result) ? result.then(select) : select(result);
}) as unknown as Hvp;
