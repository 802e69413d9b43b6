import { apply, rulesOf } from "../define/primitive.ts";
import { type Graph, type Node, reachable, Scope } from "../node.ts";
import type { Tensor } from "../tensor.ts";
import { isIn, placeholder } from "./scope.ts";

/** What stands in a linear body for the values of the primal body that it uses. */
export interface Residuals {
  readonly standIns: ReadonlyMap<Node, Tensor>;
  /** For parameters that the derivative is handed again, by their number: they need not be saved. */
  readonly parameters: ReadonlyMap<number, Tensor>;
  /** For values that the primal body computes, and the nodes of it to save for them. */
  readonly values: readonly Tensor[];
  readonly saved: readonly Node[];
}

/**
 * Splits the tangents of a body, linear in the placeholders of `linear`, from the body: finds what they need of it.
 *
 * @param isHanded - which of the body's parameters the derivative is handed again
 */
export function residualsOf(
  tangents: readonly Tensor[],
  graph: Graph,
  isHanded: (parameter: number) => boolean,
  linear: Scope,
): Residuals {
  const scope = new Scope("placeholder", graph.scope.label);
  const standIns = new Map<Node, Tensor>();
  const parameters = new Map<number, Tensor>();
  const values: Tensor[] = [];
  const saved: Node[] = [];
  const isPrimal = isIn(graph.scope);
  const stand = (node: Node): Tensor => {
    let known = standIns.get(node);
    if (known !== undefined) return known;
    const parameter = graph.parameters.indexOf(node);
    if (node.operation.kernel.kind === "view" && isPrimal(node.inputs[0]!)) {
      // A view is taken again from what it shows: saving a broadcast would take its whole size at every step.
      known = apply(rulesOf(node), [stand(node.inputs[0]!)], node.attributes);
    } else {
      known = placeholder(node, scope);
      if (parameter >= 0 && isHanded(parameter)) parameters.set(parameter, known);
      else {
        values.push(known);
        saved.push(node);
      }
    }
    standIns.set(node, known);
    return known;
  };
  const isLinear = isIn(linear);
  for (const node of reachable(
    tangents.map((t) => t.node),
    isLinear,
  )) {
    for (const input of node.inputs) if (!isLinear(input) && isPrimal(input)) stand(input);
  }
  return { standIns, parameters, values, saved };
}
