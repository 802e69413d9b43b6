import { apply, applyTuple, perOutput, rulesOf } from "../define/primitive.ts";
import { type Node, reachable, type Scope } from "../node.ts";
import { Tensor } from "../tensor.ts";
import { isIn } from "./scope.ts";

type Replacement = (node: Node, inputs: readonly Tensor[]) => readonly Tensor[];

/**
 * Builds the part of a graph that is `within` again, with `values` in place of some nodes: what `replace` makes of each
 * of the others and its new inputs. Nodes that are neither within nor replaced are kept as they are.
 */
function rebuild(
  outputs: readonly Node[],
  values: ReadonlyMap<Node, Tensor>,
  within: (node: Node) => boolean,
  replace: Replacement,
): Tensor[] {
  const built = new Map<Node, readonly Tensor[]>();
  const isRebuilt = (node: Node) =>
    within(node) && !values.has(node) && node.operation.kernel.kind !== "placeholder";
  const newOf = (node: Node): Tensor => built.get(node)?.[0] ?? values.get(node) ?? new Tensor(node);
  for (const node of reachable(outputs, isRebuilt)) {
    if (node.operation.kernel.kind === "pick") {
      built.set(node, [built.get(node.inputs[0]!)![(node.attributes as { index: number }).index]!]);
    } else built.set(node, replace(node, node.inputs.map(newOf)));
  }
  return outputs.map(newOf);
}

/** The graph of what is `within`, with `values` in place of some of its nodes and of the nodes that it rests on. */
export const replaceNodes = (
  outputs: readonly Node[],
  values: ReadonlyMap<Node, Tensor>,
  within: (node: Node) => boolean,
): Tensor[] =>
  rebuild(outputs, values, within, (node, inputs) => {
    const primitive = rulesOf(node);
    return node.outputs === null
      ? [apply(primitive, inputs, node.attributes)]
      : applyTuple(primitive, inputs, node.attributes);
  });

/** The graph with `values` in place of the scope's placeholders. */
export const substitute = (
  outputs: readonly Node[],
  values: ReadonlyMap<Node, Tensor>,
  scope: Scope,
): Tensor[] => replaceNodes(outputs, values, isIn(scope));

/**
 * The graph with `values` in place of the scope's placeholders, where each value has a new first axis of `size`: every
 * node that depends on the scope gets one, by its batching rule.
 */
export function batchGraph(
  outputs: readonly Node[],
  values: ReadonlyMap<Node, Tensor>,
  scope: Scope,
  size: number,
): Tensor[] {
  const isBatched = isIn(scope);
  return rebuild(outputs, values, isBatched, (node, inputs) =>
    perOutput(
      rulesOf(node).batch({ inputs, batched: node.inputs.map(isBatched), size, attributes: node.attributes }),
    ),
  );
}
