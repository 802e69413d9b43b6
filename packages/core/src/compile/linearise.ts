import { type Graph, type GraphAttributes, type Node, reachable } from "../node.ts";
import type { TensorType } from "../operation.ts";
import type { Body, Program, Step } from "./program.ts";

/** A program and where its arguments come from. */
export interface Linearised {
  readonly program: Program;
  /** The nodes whose storage is handed over, in the order of the program's inputs. */
  readonly inputs: readonly Node[];
  /** The numbers handed over, in the order of the program's scalars. */
  readonly scalars: readonly number[];
}

/**
 * Writes the part of the graph that computes `outputs` as a program.
 *
 * @param nodes - the nodes to compute, in topological order
 * @param isInput - which of the nodes met are handed over instead of computed
 * @param first - inputs that come first, in this order, whether they are used or not
 */
export function linearise(
  nodes: readonly Node[],
  outputs: readonly Node[],
  isInput: (node: Node) => boolean,
  first: readonly Node[] = [],
): Linearised {
  const inputs: Node[] = [...first];
  const constants: Node[] = [];
  const seen = new Set<Node>(first);
  const visitLeaf = (node: Node) => {
    if (seen.has(node)) return;
    if (isInput(node)) inputs.push(node);
    else if (node.operation.kernel.kind === "constant") constants.push(node);
    else return;
    seen.add(node);
  };
  for (const node of nodes) {
    visitLeaf(node);
    if (!isInput(node)) node.inputs.forEach(visitLeaf);
  }

  const slots: TensorType[] = [];
  const slotOf = new Map<Node, number>();
  for (const leaf of [...inputs, ...constants]) {
    slotOf.set(leaf, slots.length);
    slots.push({ shape: leaf.shape, dtype: leaf.dtype });
  }
  const steps: Step[] = [];
  for (const node of nodes) {
    if (slotOf.has(node)) continue;
    const { kind } = node.operation.kernel;
    const operands = node.inputs.map((input) => slotOf.get(input)!);
    if (kind === "alias") slotOf.set(node, operands[0]!);
    else if (kind === "pick") slotOf.set(node, operands[0]! + (node.attributes as { index: number }).index);
    else {
      const types = node.outputs ?? [{ shape: node.shape, dtype: node.dtype }];
      const output = slots.length;
      slotOf.set(node, output);
      slots.push(...types);
      const { graphs, ...plain } = (kind === "control" ? node.attributes : {}) as Partial<GraphAttributes>;
      steps.push({
        operation: node.operation,
        attributes: graphs === undefined ? node.attributes : plain,
        ...(graphs && { bodies: graphs.map(bodyOf) }),
        inputs: operands,
        output,
        outputs: types,
      });
    }
  }
  return {
    program: {
      inputs: inputs.map(({ shape, dtype }) => ({ shape, dtype })),
      scalars: constants.map((node) => node.dtype),
      steps,
      outputs: outputs.map((node) => slotOf.get(node)!),
      slots,
    },
    inputs,
    scalars: constants.map((node) => (node.attributes as { value: number }).value),
  };
}

/** A graph as what a control operation runs. */
function bodyOf({ parameters, outputs }: Graph): Body {
  const isParameter = (node: Node) => node.operation.kernel.kind === "placeholder";
  const nodes = reachable(outputs, () => true);
  const { program, scalars } = linearise(nodes, outputs, isParameter, parameters);
  return { program, scalars };
}
