import { GradientError } from "../errors/errors.ts";
import { Node } from "../node.ts";
import type { Kernel, Operation, TensorType } from "../operation.ts";
import { realise } from "../runtime/realise.ts";
import { forgetReceivers } from "../runtime/site.ts";
import { showShape } from "../shape.ts";
import { Tensor } from "../tensor.ts";

/** A tangent, or `null` for a tangent that is zero. */
export type Tangent = Tensor | null;

/** What a differentiation rule sees of the node it differentiates. */
export interface JvpContext<A> {
  /** The primal operands. */
  readonly inputs: readonly Tensor[];
  /** Their tangents; at least one is not null. */
  readonly tangents: readonly Tangent[];
  /** The primal results: one, or as many as the operation has outputs. */
  readonly outputs: readonly Tensor[];
  readonly attributes: A;
}

/** What a transposition rule sees. */
export interface TransposeContext<A> {
  /** The cotangents of the outputs; at least one is not null. */
  readonly cotangents: readonly Tangent[];
  /** The operands. One that is linear has no value, only a type. */
  readonly inputs: readonly Tensor[];
  /** Which operands the node is linear in and a cotangent is wanted for. */
  readonly linear: readonly boolean[];
  readonly attributes: A;
}

/** What a batching rule sees. */
export interface BatchContext<A> {
  /** The operands; a batched one has the batch as its first axis. */
  readonly inputs: readonly Tensor[];
  readonly batched: readonly boolean[];
  readonly size: number;
  readonly attributes: A;
}

/** One value per output; a single output may come bare. */
export type PerOutput<T> = T | readonly T[];

/** Why an operation has no derivative; part of the error that asks for one. */
export interface NotDifferentiable {
  readonly notDifferentiable: string;
}

/**
 * An operation of the graph with everything that is known about it. The rules are written in terms of tensors, so a
 * derivative is itself differentiable and batchable.
 */
export interface Primitive<A = unknown> extends Operation {
  readonly name: string;
  readonly kernel: Kernel;
  /** The type of the result; throws a typed error where the operands do not fit. */
  type(inputs: readonly TensorType[], attributes: A): TensorType | readonly TensorType[];
  /** The tangent of each output. */
  readonly jvp: ((context: JvpContext<A>) => PerOutput<Tangent>) | NotDifferentiable;
  /** For an operation that jvp rules use linearly: the cotangent of each operand. */
  readonly transpose?: (context: TransposeContext<A>) => readonly Tangent[];
  /** The results for operands that are batched along their first axis, batched along theirs. */
  batch(context: BatchContext<A>): PerOutput<Tensor>;
}

/** A pending chain of this many operations runs by itself, so that an accumulator's graph cannot grow for ever. */
const longestPendingChain = 2_000;

/** Applies a primitive with one output. */
export function apply<A>(primitive: Primitive<A>, inputs: readonly Tensor[], attributes: A): Tensor {
  return new Tensor(makeNode(primitive, inputs, attributes));
}

/** Applies a primitive with several outputs. */
export function applyTuple<A>(primitive: Primitive<A>, inputs: readonly Tensor[], attributes: A): Tensor[] {
  const node = makeNode(primitive, inputs, attributes);
  return outputsOf(node);
}

function makeNode<A>(primitive: Primitive<A>, inputs: readonly Tensor[], attributes: A): Node {
  const nodes = inputs.map((input) => input.node);
  for (const node of nodes) if (node.gone !== null) node.checkPresent();
  const node = new Node(primitive as Operation, nodes, attributes, primitive.type(nodes, attributes));
  if (node.depth > longestPendingChain && node.scopes.length === 0) {
    realise([node]);
    // The method that is running stands on the captured stack with its receiver, the pending chain below this node.
    // Kept, it would hold the storage that the chain started from, and that one the chain before it.
    forgetReceivers(node.storage!.site);
  }
  return node;
}

/** The rules of a node's operation. Every operation that builds nodes is a primitive, except host data. */
export function rulesOf(node: Node): Primitive {
  return node.operation as Primitive;
}

/** Output `index` of a node with several. */
export const outputAt = (node: Node, index: number): Tensor =>
  new Tensor(new Node(pick as Operation, [node], { index }, node.outputs![index]!));

/** All outputs of a node, as tensors. */
export function outputsOf(node: Node): Tensor[] {
  if (node.outputs === null) return [new Tensor(node)];
  return node.outputs.map((_, index) => outputAt(node, index));
}

export const perOutput = <T>(value: PerOutput<T>): readonly T[] =>
  Array.isArray(value) ? (value as readonly T[]) : [value as T];

/** @throws GradientError: `node`'s operation has no derivative. */
export function throwNotDifferentiable(node: Node, reason: string): never {
  throw new GradientError(
    `${node.operation.name} (result of shape ${showShape(node.shape)}) has no derivative: ${reason}. ` +
      "Use stopGradient on its operand if it should count as a constant.",
  );
}

/**
 * Selects one output. The transformations treat it as an edge, not as an operation: they read the tuple's own
 * tangents, cotangents or batches at `index`.
 */
const pick: Operation = { name: "pick", kernel: { kind: "pick" } };
