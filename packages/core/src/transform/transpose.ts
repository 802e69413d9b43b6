import { rulesOf, type Tangent } from "../define/primitive.ts";
import { type Node, reachable, type Scope } from "../node.ts";
import { sumOfCotangents } from "../ops/placing.ts";
import { Tensor } from "../tensor.ts";
import { isIn } from "./scope.ts";

/**
 * Reverse mode is the transposition of forward mode: given a graph that is linear in the scope's placeholders and the
 * cotangents of its `outputs`, the cotangents of `inputs` (those placeholders).
 */
export function transposeLinear(
  outputs: readonly Tangent[],
  cotangents: readonly Tensor[],
  inputs: readonly Node[],
  scope: Scope,
): Tangent[] {
  const isLinear = isIn(scope);
  const gathered = new Map<Node, Tangent[]>();
  const add = (node: Node, index: number, cotangent: Tangent): void => {
    if (cotangent === null || !isLinear(node)) return;
    let sums = gathered.get(node);
    if (sums === undefined) gathered.set(node, (sums = []));
    const sum = sums[index] ?? null;
    sums[index] = sum === null ? cotangent : sumOfCotangents(sum, cotangent);
  };
  outputs.forEach((output, i) => {
    if (output !== null) add(output.node, 0, cotangents[i]!);
  });
  const nodes = reachable(
    outputs.flatMap((output) => (output === null ? [] : [output.node])),
    isLinear,
  );
  for (const node of nodes.reverse()) {
    const sums = gathered.get(node);
    if (sums === undefined || node.operation.kernel.kind === "placeholder") continue;
    gathered.delete(node);
    if (node.operation.kernel.kind === "pick") {
      add(node.inputs[0]!, (node.attributes as { index: number }).index, sums[0]!);
    } else {
      pull(node, sums).forEach((cotangent, i) => {
        add(node.inputs[i]!, 0, cotangent);
      });
    }
  }
  return inputs.map((input) => gathered.get(input)?.[0] ?? null);

  function pull(node: Node, sums: readonly Tangent[]): readonly Tangent[] {
    const { transpose, name } = rulesOf(node);
    if (transpose === undefined)
      throw new Error(`the jvp rules use ${name} linearly, but it has no transpose rule`);
    return transpose({
      cotangents: Array.from(node.outputs ?? [node], (_, i) => sums[i] ?? null),
      inputs: node.inputs.map((input) => new Tensor(input)),
      linear: node.inputs.map(isLinear),
      attributes: node.attributes,
    });
  }
}
