import { apply, rulesOf } from "../define/primitive.ts";
import { type Graph, Node, reachable, Scope } from "../node.ts";
import type { TensorType } from "../operation.ts";
import { zeros } from "../ops/creation.ts";
import { Tensor } from "../tensor.ts";
import { batchGraph, replaceNodes, substitute } from "./rebuild.ts";
import { isIn, placeholder } from "./scope.ts";

const typeOf = ({ shape, dtype }: TensorType): TensorType => ({ shape, dtype });

/** A graph, and the tensors that it closed over: arguments for its first parameters. */
export interface Traced {
  readonly graph: Graph;
  readonly captured: readonly Tensor[];
}

/**
 * What becomes of operations in a body that rest on nothing but what it closes over: a loop computes them once before it
 * begins (`hoisted`), a branch only if it is taken (`inside`).
 */
export type Invariants = "hoisted" | "inside";

/** Calls f once on placeholders of the given types; what it closes over becomes further parameters. */
export function traceGraph(
  label: string,
  types: readonly TensorType[],
  f: (parameters: readonly Tensor[]) => readonly Tensor[],
  invariants: Invariants,
): Traced {
  const start = Node.now();
  const scope = new Scope("placeholder", label);
  const parameters = types.map((type) => placeholder(type, scope));
  let outputs: readonly Tensor[];
  try {
    outputs = f(parameters);
  } finally {
    scope.close();
  }
  const nodes = outputs.map(({ node }) => node);
  const dependsOnParameters = isIn(scope);
  const inBody = (node: Node): boolean =>
    dependsOnParameters(node) ||
    (invariants === "inside" && node.id >= start && node.storage === null && restsOnValues(node));
  const captured = new Map<Node, Tensor>();
  const values = new Map<Node, Tensor>();
  const capture = (node: Node): Tensor => {
    let known = values.get(node);
    if (known !== undefined) return known;
    // A view of what is captured stays in the body, so that a broadcast takes no memory.
    if (node.operation.kernel.kind === "view" && node.storage === null) {
      known = apply(rulesOf(node), [capture(node.inputs[0]!)], node.attributes);
    } else {
      known = placeholder(node, scope);
      captured.set(node, known);
    }
    values.set(node, known);
    return known;
  };
  for (const node of reachable(nodes, inBody)) {
    for (const input of node.inputs) if (!inBody(input) && restsOnValues(input)) capture(input);
  }
  for (const node of nodes) if (!inBody(node) && restsOnValues(node)) capture(node);
  const all = [...captured.values(), ...parameters];
  const results = replaceNodes(nodes, values, inBody);
  return {
    graph: closeGraph(label, all, results),
    captured: [...captured.keys()].map((node) => new Tensor(node)),
  };
}

/** Several functions of one list of arguments as graphs of the same parameters, with what any of them closes over. */
export function traceGraphs(
  label: string,
  types: readonly TensorType[],
  functions: readonly ((parameters: readonly Tensor[]) => readonly Tensor[])[],
  invariants: Invariants,
): { readonly graphs: readonly Graph[]; readonly captured: readonly Tensor[] } {
  const traced = functions.map((f) => traceGraph(label, types, f, invariants));
  const captured = new Map(traced.flatMap((t) => t.captured.map((tensor) => [tensor.node, tensor] as const)));
  const graphs = traced.map(({ graph, captured: own }) => {
    const parameterOf = new Map(own.map(({ node }, i) => [node, graph.parameters[i]!]));
    const first = [...captured.keys()].map(
      (node) => parameterOf.get(node) ?? placeholder(node, graph.scope).node,
    );
    return { ...graph, parameters: [...first, ...graph.parameters.slice(own.length)] };
  });
  return { graphs, captured: [...captured.values()] };
}

/** Whether a node is more than a constant: it has a value, depends on a call, or rests on something that does. */
const restsOnValues = (node: Node): boolean =>
  reachable([node], () => true).some((below) => below.storage !== null || below.scopes.length > 0);

/** A graph of its own from placeholders, of whatever scopes, and the tensors that depend on them. */
export function closeGraph(label: string, parameters: readonly Tensor[], outputs: readonly Tensor[]): Graph {
  const scope = new Scope("placeholder", label);
  const fresh = parameters.map(({ node }) => placeholder(node, scope));
  scope.close();
  const values = new Map(parameters.map(({ node }, i) => [node, fresh[i]!]));
  const scopes = new Set(parameters.flatMap(({ node }) => node.scopes));
  const within = (node: Node) => node.scopes.some((s) => scopes.has(s));
  const results = replaceNodes(
    outputs.map(({ node }) => node),
    values,
    within,
  );
  return { scope, parameters: fresh.map(({ node }) => node), outputs: results.map(({ node }) => node) };
}

/** The outputs of a graph on given arguments. */
export function inlineGraph({ scope, parameters, outputs }: Graph, args: readonly Tensor[]): Tensor[] {
  return substitute(outputs, new Map(parameters.map((parameter, i) => [parameter, args[i]!])), scope);
}

/**
 * The same graph of nodes of its own. A derivative extends the nodes of the graph that it is taken of, and graphs are
 * shared: by a cached trace and everything that it was inlined in.
 */
export function copyGraph(graph: Graph): Graph {
  const scope = new Scope("placeholder", graph.scope.label);
  const parameters = placeholdersLike(graph.parameters, scope);
  scope.close();
  const outputs = inlineGraph(graph, parameters);
  return { scope, parameters: parameters.map(({ node }) => node), outputs: outputs.map(({ node }) => node) };
}

/** Which outputs depend on the flagged parameters, along nodes that satisfy `along`. */
export function dependence(
  { scope, parameters, outputs }: Graph,
  flags: readonly boolean[],
  along: (node: Node) => boolean,
): boolean[] {
  const dependent = new Set(parameters.filter((_, i) => flags[i]));
  for (const node of reachable(outputs, isIn(scope))) {
    if (along(node) && node.inputs.some((input) => dependent.has(input))) dependent.add(node);
  }
  return outputs.map((output) => dependent.has(output));
}

/** Zeros of a type. */
export const zerosOf = ({ shape, dtype }: TensorType): Tensor => zeros(shape, { dtype }) as Tensor;

/** Fresh placeholders of the types of some nodes. */
export const placeholdersLike = (nodes: readonly TensorType[], scope: Scope): Tensor[] =>
  nodes.map((node) => placeholder(typeOf(node), scope));

/**
 * The graph on parameters of which some have a new first axis of `size`. All of its outputs get one, or those that
 * depend on such a parameter and those that `wanted` names.
 */
export function batchGraphOf(
  graph: Graph,
  batched: readonly boolean[],
  size: number,
  wanted: readonly boolean[] = graph.outputs.map(() => true),
): Graph {
  const outer = new Scope("placeholder", graph.scope.label);
  const examples = new Scope("placeholder", graph.scope.label);
  const parameters = graph.parameters.map(({ shape, dtype }, i) =>
    placeholder({ shape: batched[i] ? [size, ...shape] : shape, dtype }, outer),
  );
  const stands = graph.parameters.map((node, i) =>
    batched[i] ? placeholder(node, examples) : parameters[i]!,
  );
  const outputs = inlineGraph(graph, stands);
  const values = new Map(
    stands.flatMap(({ node }, i) => (batched[i] ? [[node, parameters[i]!] as const] : [])),
  );
  const results = batchGraph(
    outputs.map(({ node }) => node),
    values,
    examples,
    size,
  ).map((result, i) => {
    const depends = outputs[i]!.node.scopes.includes(examples);
    return depends || !wanted[i] ? result : result.broadcastTo([size, ...result.shape]);
  });
  return closeGraph(graph.scope.label, parameters, results);
}
