import { outputsOf, perOutput, rulesOf, type Tangent, throwNotDifferentiable } from "../define/primitive.ts";
import { isFloat } from "../dtype.ts";
import { type Node, reachable, type Scope } from "../node.ts";
import { Tensor } from "../tensor.ts";
import { isIn } from "./scope.ts";

/**
 * Forward mode: the tangents of `outputs`, given the tangents of the scope's variables. Extends the graph by the jvp
 * rules; a tangent that is zero is `null` and costs nothing.
 */
export function tangentsOf(
  outputs: readonly Node[],
  seeds: ReadonlyMap<Node, Tangent>,
  scope: Scope,
): Tangent[] {
  const tangents = new Map<Node, readonly Tangent[]>();
  const tangentOf = (node: Node): Tangent => tangents.get(node)?.[0] ?? null;
  for (const node of reachable(outputs, isIn(scope))) {
    const seed = seeds.get(node);
    if (seed !== undefined) tangents.set(node, [seed]);
    else if (node.operation.kernel.kind === "pick") {
      tangents.set(node, [
        tangents.get(node.inputs[0]!)?.[(node.attributes as { index: number }).index] ?? null,
      ]);
    } else {
      const inputs = node.inputs.map(tangentOf);
      if (inputs.some((tangent) => tangent !== null)) tangents.set(node, push(node, inputs));
    }
  }
  return outputs.map(tangentOf);
}

function push(node: Node, tangents: readonly Tangent[]): readonly Tangent[] {
  const { jvp } = rulesOf(node);
  if (typeof jvp !== "function") {
    if (isFloat(node.dtype)) throwNotDifferentiable(node, jvp.notDifferentiable);
    return [null];
  }
  const inputs = node.inputs.map((input) => new Tensor(input));
  return perOutput(jvp({ inputs, tangents, outputs: outputsOf(node), attributes: node.attributes }));
}
