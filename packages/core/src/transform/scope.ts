import { apply, type Primitive } from "../define/primitive.ts";
import { ArgumentError } from "../errors/errors.ts";
import { Node, type Scope } from "../node.ts";
import type { Operation, TensorType } from "../operation.ts";
import { formGroup, realise } from "../runtime/realise.ts";
import { Tensor } from "../tensor.ts";
import { treeLeaves } from "../tree.ts";

/**
 * A variable is the identity applied to an argument, in the scope of the call that differentiates by it. When the call
 * is over it is an identity like any other, so outer calls differentiate and batch through it.
 */
const variablePrimitive: Primitive<undefined> = {
  name: "variable",
  kernel: { kind: "alias" },
  type: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  jvp: ({ tangents }) => tangents[0]!,
  transpose: ({ cotangents }) => [cotangents[0]!],
  batch: ({ inputs }) => apply(variablePrimitive, inputs, undefined),
};

/** A fresh variable with the value of x. */
export function variable(x: Tensor, scope: Scope): Tensor {
  x.node.checkPresent();
  const node = new Node(variablePrimitive as Operation, [x.node], undefined, x.node, scope);
  if (x.node.storage !== null) {
    x.node.storage.shared = true;
    node.storage = x.node.storage;
    node.dropHistory();
  }
  return new Tensor(node);
}

const placeholderOperation: Operation = { name: "placeholder", kernel: { kind: "placeholder" } };

/** A fresh tensor without a value, of the type of an argument. */
export const placeholder = (type: TensorType, scope: Scope): Tensor =>
  new Tensor(new Node(placeholderOperation, [], undefined, { shape: type.shape, dtype: type.dtype }, scope));

/** Whether a node depends on a call's variables or placeholders. */
export const isIn =
  (scope: Scope) =>
  (node: Node): boolean =>
    node.scopes.includes(scope);

/**
 * Gives the arguments of an outermost call their values, together, so that a loop which never reads anything runs once
 * per step. Arguments inside another call are left as they are.
 */
export function storeArguments(leaves: readonly Tensor[]): void {
  for (const { node } of leaves) node.checkPresent();
  const pending = leaves.map(({ node }) => node).filter((node) => node.storage === null && !node.isInCall());
  if (pending.length > 0) realise(pending);
}

/**
 * Runs the body of a call and closes its scope, whether it returns, throws, or returns a promise; `finish` turns the
 * body's result into the call's while the scope is still open. The results become one group.
 */
export function inScope<R, T>(
  scope: Scope,
  body: () => R,
  finish: (result: Awaited<R>) => T,
): T | Promise<T> {
  let result: R;
  try {
    result = body();
  } catch (error) {
    scope.close();
    throw error;
  }
  return isPromise(result)
    ? result.then(
        (value) => conclude(scope, () => finish(value as Awaited<R>)),
        (error: unknown) => {
          scope.close();
          throw error;
        },
      )
    : conclude(scope, () => finish(result as Awaited<R>));
}

function conclude<T>(scope: Scope, finish: () => T): T {
  let result: T;
  try {
    result = finish();
  } finally {
    scope.close();
  }
  groupResults(result);
  return result;
}

/** Forms the group of everything in a call's result that is a tensor. */
export function groupResults(result: unknown): void {
  formGroup(treeLeaves(result).map((leaf) => leaf.node));
}

export const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === "function";

/** @throws ArgumentError unless f is a function. */
export function checkFunction(f: unknown, what: string): void {
  if (typeof f !== "function") {
    throw new ArgumentError(
      `${what}: expected a function, got ${f instanceof Tensor ? "a tensor" : typeof f}; write ${what}(f)(x)`,
    );
  }
}

/** @throws ArgumentError for the promise of an async body, whose rest would run after the call is over. */
export function checkSynchronous(result: unknown, what: string): void {
  if (!isPromise(result)) return;
  result.catch(() => undefined);
  throw new ArgumentError(
    `${what}: the function returned a promise; the body of ${what} must be synchronous`,
  );
}
