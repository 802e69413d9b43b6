import type { DType } from "../dtype.ts";
import { roundToFloat16 } from "../float16.ts";
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
 * Writes the part of the graph that computes `outputs` as a program. Equal numbers of one dtype are one scalar, so that what
 * is computed from them alone, such as the bias corrections of an optimizer's parameters, is seen to be the same.
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
  for (const input of inputs) {
    slotOf.set(input, slots.length);
    slots.push({ shape: input.shape, dtype: input.dtype });
  }
  const scalars = new ScalarList(slots.length);
  for (const constant of constants) slotOf.set(constant, scalars.slotOf(constant));
  for (const dtype of scalars.dtypes) slots.push({ shape: [], dtype });
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
      scalars: scalars.dtypes,
      steps,
      outputs: outputs.map((node) => slotOf.get(node)!),
      slots,
    },
    inputs,
    scalars: scalars.values,
  };
}

/** The numbers of a program, those that are equal once. */
class ScalarList {
  readonly dtypes: DType[] = [];
  readonly values: number[] = [];
  private readonly first: number;
  private readonly known = new Map<string, number>();

  /** @param first - the slot of the first number */
  constructor(first: number) {
    this.first = first;
  }

  /** The slot of a constant's number. */
  slotOf({ dtype, attributes }: Node): number {
    const { value: given } = attributes as { readonly value: number };
    // Backends take it for a float32: rounded here, it is rounded once.
    const value = dtype === "float16" ? roundToFloat16(given) : given;
    const key = `${dtype}${Object.is(value, -0) ? "-0" : value}`;
    let slot = this.known.get(key);
    if (slot === undefined) {
      slot = this.first + this.values.length;
      this.known.set(key, slot);
      this.dtypes.push(dtype);
      this.values.push(value);
    }
    return slot;
  }
}

/** A graph as what a control operation runs. */
function bodyOf({ parameters, outputs }: Graph): Body {
  const isParameter = (node: Node) => node.operation.kernel.kind === "placeholder";
  const nodes = reachable(outputs, () => true);
  const { program, scalars } = linearise(nodes, outputs, isParameter, parameters);
  return { program, scalars };
}
