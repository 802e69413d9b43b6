import {
  applyTuple,
  type BatchContext,
  type JvpContext,
  type Primitive,
  type Tangent,
} from "../define/primitive.ts";
import { isFloat } from "../dtype.ts";
import { GradientError, TreeError } from "../errors/errors.ts";
import { type Graph, type GraphAttributes, type Node, Scope } from "../node.ts";
import type { WhileAttributes } from "../operation.ts";
import { zerosLike } from "../ops/creation.ts";
import { any } from "../ops/reductions.ts";
import { Tensor } from "../tensor.ts";
import { flatten } from "../tree.ts";
import { nextCarry } from "./carry.ts";
import { checkPredicate, selectExamples } from "./cond.ts";
import {
  batchGraphOf,
  closeGraph,
  copyGraph,
  dependence,
  inlineGraph,
  placeholdersLike,
  traceGraphs,
  zerosOf,
} from "./graph.ts";
import { checkFunction, checkSynchronous, groupResults, placeholder } from "./scope.ts";
import type { WhileLoop } from "./signatures.ts";
import { tangentsOf } from "./tangents.ts";

/** The condition and the body, both on constants and carries. */
interface LoopGraphs extends WhileAttributes, GraphAttributes {
  readonly graphs: readonly [condition: Graph, body: Graph];
}

/** A loop that runs as long as its condition holds: operands are constants and first carries. */
const whilePrimitive: Primitive<LoopGraphs> = {
  name: "whileLoop",
  kernel: { kind: "control", form: "while" },
  type: (_, { graphs: [, body] }) => body.outputs.map(({ shape, dtype }) => ({ shape, dtype })),
  jvp: (context) => whileTangents(context),
  transpose: () => {
    throw new GradientError(
      "whileLoop, and foriLoop with tensors as bounds, have no derivative in reverse mode (grad, vjp, jacrev): how often they " +
        "run is known only when they have run, so there is no place to keep what each turn leaves. Use foriLoop with numbers as bounds, or scan, with where to keep " +
        "a value that has converged; forward mode (jvp, jacfwd) works.",
    );
  },
  batch: (context) => batchWhile(context),
};

/**
 * Which parameters depend, after any number of turns, on those that are flagged, along nodes that satisfy `along`.
 */
function spread(
  loop: LoopGraphs,
  flags: readonly boolean[],
  along: (node: Node) => boolean,
): readonly boolean[] {
  const {
    graphs: [, body],
    constants,
  } = loop;
  const dependent = dependence(body, flags, along);
  const next = flags.map((flag, i) => flag || (i >= constants && dependent[i - constants]!));
  return next.every((flag, i) => flag === flags[i]) ? next : spread(loop, next, along);
}

/**
 * The tangents run beside the values that they belong to, in a loop of their own: how many values it would need of the
 * first one is not known before that has run.
 */
function whileTangents({ inputs, tangents, attributes }: JvpContext<LoopGraphs>): readonly Tangent[] {
  const { graphs, constants } = attributes;
  const moving = spread(
    attributes,
    tangents.map((t) => t !== null),
    (node) => node.outputs !== null || isFloat(node.dtype),
  ).map((flag, i) => flag && isFloat(inputs[i]!.dtype));
  const carriesMove = moving.slice(constants);
  if (!carriesMove.includes(true)) return carriesMove.map(() => null);
  /** Constants and their tangents, then carries and theirs. */
  const beside = (values: readonly Tensor[], given: readonly Tangent[]): Tensor[] => {
    const present = (list: readonly Tangent[]) => list.filter((t) => t !== null);
    return [
      ...values.slice(0, constants),
      ...present(given.slice(0, constants)),
      ...values.slice(constants),
      ...present(given.slice(constants)),
    ];
  };
  const scope = new Scope("placeholder", "the tangents of whileLoop");
  const body = copyGraph(graphs[1]);
  const seeds = body.parameters.map((p, i) => (moving[i] ? placeholder(p, scope) : null));
  const seedOf = new Map(body.parameters.map((p, i) => [p, seeds[i]!]));
  const derived = tangentsOf(body.outputs, seedOf, body.scope);
  const derivedCarries = derived.flatMap((t, i) => (carriesMove[i] ? [t ?? zerosOf(body.outputs[i]!)] : []));
  const values = placeholdersLike(body.parameters, scope);
  const pushed = applyTuple(
    whilePrimitive,
    beside(
      inputs,
      inputs.map((x, i) => (moving[i] ? (tangents[i] ?? (zerosLike(x) as Tensor)) : null)),
    ),
    {
      graphs: [
        closeGraph("whileLoop", beside(values, seeds), inlineGraph(graphs[0], values)),
        closeGraph("whileLoop", beside(tensorsOf(body.parameters), seeds), [
          ...tensorsOf(body.outputs),
          ...derivedCarries,
        ]),
      ],
      constants: constants + moving.slice(0, constants).filter((moves) => moves).length,
    },
  );
  let next = carriesMove.length;
  return carriesMove.map((moves) => (moves ? pushed[next++]! : null));
}

const tensorsOf = (nodes: readonly Node[]): Tensor[] => nodes.map((node) => new Tensor(node));

/**
 * Where the condition differs from example to example the loop runs until it holds for none, and an example for which
 * it does not hold keeps its carries. Carries that are the same for all examples stay single otherwise.
 */
function batchWhile({ inputs, batched, size, attributes }: BatchContext<LoopGraphs>): readonly Tensor[] {
  const { graphs, constants } = attributes;
  const everywhere = () => true;
  const reached = spread(attributes, batched, everywhere);
  const differs = dependence(graphs[0], reached, everywhere)[0]!;
  const flags = reached.map((flag, i) => flag || (differs && i >= constants));
  const condition = batchGraphOf(graphs[0], flags, size, [differs]);
  const body = batchGraphOf(graphs[1], flags, size, flags.slice(constants));
  const operands = inputs.map((x, i) => (flags[i] && !batched[i] ? x.broadcastTo([size, ...x.shape]) : x));
  const results = applyTuple(whilePrimitive, operands, {
    graphs: differs ? keepFinished(condition, body, constants) : [condition, body],
    constants,
  });
  return results.map((y, i) => (flags[constants + i] ? y : y.broadcastTo([size, ...y.shape])));
}

/** The loop of examples that each have a condition of their own. */
function keepFinished(condition: Graph, body: Graph, constants: number): [Graph, Graph] {
  const parameters = placeholdersLike(body.parameters, new Scope("placeholder", "whileLoop"));
  const [runs] = inlineGraph(condition, parameters);
  const next = inlineGraph(body, parameters);
  return [
    closeGraph("whileLoop", parameters, [any(runs!) as Tensor]),
    closeGraph(
      "whileLoop",
      parameters,
      next.map((x, i) => selectExamples(runs!, x, parameters[constants + i]!)),
    ),
  ];
}

/**
 * A loop whose length its values decide: `while (condition(carry)) carry = body(carry)`, a tree of tensors that keep
 * their shapes and dtypes. Condition and body are called once, on placeholders; the loop runs inside the program.
 * Forward mode works; reverse mode cannot, since what each turn leaves behind has no bound: use {@link foriLoop} with
 * numbers as bounds, or {@link scan}. Under `vmap` it runs until all examples are done.
 *
 * @example const [root] = whileLoop(([x, last]) => x.sub(last).abs().gt(1e-6), ([x]) => [x.add(a.div(x)).mul(0.5), x], [a, zerosLike(a)]);
 * @throws TreeError where the carry that the body returns differs in structure, ArgumentError where a leaf's type does
 * @throws ShapeError where the condition is not a scalar, DTypeError where it is not a bool
 * @throws GradientError in reverse mode
 */
export const whileLoop: WhileLoop = ((
  condition: (carry: unknown) => unknown,
  body: (carry: unknown) => unknown,
  initial: unknown,
) => loopWhile("whileLoop", condition, body, initial)) as unknown as WhileLoop;

/** {@link whileLoop} for a function of another name. */
export function loopWhile(
  label: string,
  condition: (carry: unknown) => unknown,
  body: (carry: unknown) => unknown,
  initial: unknown,
): unknown {
  checkFunction(condition, label);
  checkFunction(body, label);
  const carry = flatten(initial);
  if (carry.leaves.length === 0) {
    throw new TreeError(
      `${label}: the carry holds no tensor, so nothing could end the loop; wrap numbers by tensor(...)`,
    );
  }
  const { graphs, captured } = traceGraphs(
    label,
    carry.leaves.map(({ node }) => node),
    [
      (parameters) => {
        const result = condition(carry.structure.rebuild(parameters));
        checkSynchronous(result, label);
        checkPredicate(result, `${label}: the condition`);
        return [result];
      },
      (parameters) => {
        const result = body(carry.structure.rebuild(parameters));
        checkSynchronous(result, label);
        return nextCarry(label, carry, result).leaves;
      },
    ],
    "hoisted",
  );
  const results = applyTuple(whilePrimitive, [...captured, ...carry.leaves], {
    graphs: graphs as [Graph, Graph],
    constants: captured.length,
  });
  const output = carry.structure.rebuild(results);
  groupResults(output);
  return output;
}
