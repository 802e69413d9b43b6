import {
  applyTuple,
  type BatchContext,
  type JvpContext,
  outputAt,
  type Primitive,
  type Tangent,
  type TransposeContext,
} from "../define/primitive.ts";
import { ArgumentError, DTypeError, ShapeError, TreeError } from "../errors/errors.ts";
import { type Graph, type GraphAttributes, type Node, Scope } from "../node.ts";
import type { TensorType } from "../operation.ts";
import { where } from "../ops/logic.ts";
import { showShape } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { type Flat, flatten } from "../tree.ts";
import { sameType, showType } from "./carry.ts";
import {
  batchGraphOf,
  closeGraph,
  copyGraph,
  inlineGraph,
  placeholdersLike,
  traceGraphs,
  zerosOf,
} from "./graph.ts";
import { replaceNodes } from "./rebuild.ts";
import { type Residuals, residualsOf } from "./residuals.ts";
import { checkFunction, checkSynchronous, groupResults, isIn, placeholder } from "./scope.ts";
import type { Cond } from "./signatures.ts";
import { tangentsOf } from "./tangents.ts";
import { transposeLinear } from "./transpose.ts";

/** The branch for true and the branch for false. */
interface CondAttributes extends GraphAttributes {
  readonly graphs: readonly [Graph, Graph];
}

/** One of two graphs of the same parameters: operands are the predicate and the arguments of both. */
const condPrimitive: Primitive<CondAttributes> = {
  name: "cond",
  kernel: { kind: "control", form: "cond" },
  type: (_, { graphs: [onTrue] }) => onTrue.outputs.map(({ shape, dtype }) => ({ shape, dtype })),
  jvp: (context) => condTangents(context),
  transpose: (context) => transposeCond(context),
  batch: (context) => batchCond(context),
};

const both = <T, R>([a, b]: readonly [T, T], f: (branch: T, which: 0 | 1) => R): [R, R] => [f(a, 0), f(b, 1)];

/**
 * The tangent of a branch is a branch over tangents. What the linear branches need of the primal ones becomes further
 * outputs of the primal node, as in scan; a place among them serves both branches where each saves a value of its type.
 */
function condTangents({
  inputs,
  tangents,
  outputs,
  attributes,
}: JvpContext<CondAttributes>): readonly Tangent[] {
  const node = outputs[0]!.node.inputs[0]!;
  const [predicate, ...operands] = inputs as [Tensor, ...Tensor[]];
  const graphs = both(attributes.graphs, copyGraph);
  const linear = new Scope("placeholder", "the tangents of cond");
  const moving = tangents.slice(1);
  const seeds = operands.map((x, i) => (moving[i] === null ? null : placeholder(x.node, linear)));
  const derived = both(graphs, ({ parameters, outputs, scope }) => {
    const seedOf = new Map(
      parameters.flatMap((p, i) => (seeds[i] === null ? [] : [[p, seeds[i]!] as const])),
    );
    return tangentsOf(outputs, seedOf, scope);
  });
  const isMoving = outputs.map((_, i) => derived.some((branch) => branch[i] !== null));
  if (!isMoving.includes(true)) return isMoving.map(() => null);
  const results = both(derived, (branch) =>
    branch.flatMap((t, i) => (isMoving[i] ? [t ?? zerosOf(outputs[i]!)] : [])),
  );

  const residuals = both(graphs, (graph, which) => residualsOf(results[which], graph, () => true, linear));
  const places = sharedPlaces(residuals);
  const extended = both(graphs, (graph, which) => ({
    ...graph,
    outputs: [...graph.outputs, ...places.map((place) => place.saved[which] ?? zerosOf(place.type).node)],
  }));
  if (places.length > 0)
    node.extend({ graphs: extended }, condPrimitive.type([], { graphs: extended }) as TensorType[]);
  const saved = places.map((_, i) => outputAt(node, outputs.length + i));

  const used = operands.map((_, i) => i).filter((i) => residuals.some(({ parameters }) => parameters.has(i)));
  const given = seeds.filter((seed) => seed !== null);
  const linearGraphs = both(results, (tangents, which) => {
    const { parameters, standIns } = residuals[which];
    const unused = (type: TensorType) => placeholder(type, linear);
    return closeGraph(
      "cond",
      [
        ...used.map((i) => parameters.get(i) ?? unused(operands[i]!.node)),
        ...places.map((place) => place.standIn[which] ?? unused(place.type)),
        ...given,
      ],
      replaceNodes(
        tangents.map((t) => t.node),
        standIns,
        isIn(linear),
      ),
    );
  });
  const pushed = applyTuple(
    condPrimitive,
    [predicate, ...used.map((i) => operands[i]!), ...saved, ...moving.filter((t) => t !== null)],
    { graphs: linearGraphs },
  );
  let next = 0;
  return isMoving.map((moves) => (moves ? pushed[next++]! : null));
}

/** A further output of the primal node: for each branch, what it saves there and what stands for it in the derivative. */
interface Place {
  readonly type: TensorType;
  readonly saved: [Node | undefined, Node | undefined];
  readonly standIn: [Tensor | undefined, Tensor | undefined];
}

function sharedPlaces(residuals: readonly [Residuals, Residuals]): Place[] {
  const places: Place[] = [];
  residuals.forEach(({ saved, values }, which) => {
    saved.forEach((node, i) => {
      let place = places.find(({ type, saved }) => saved[which] === undefined && sameType(type, node));
      if (place === undefined) {
        place = { type: node, saved: [undefined, undefined], standIn: [undefined, undefined] };
        places.push(place);
      }
      place.saved[which] = node;
      place.standIn[which] = values[i]!;
    });
  });
  return places;
}

/** The transpose of a linear branch is a branch over cotangents. */
function transposeCond({
  cotangents,
  inputs,
  linear,
  attributes,
}: TransposeContext<CondAttributes>): readonly Tangent[] {
  const [predicate, ...operands] = inputs as [Tensor, ...Tensor[]];
  const isLinear = linear.slice(1);
  const fixed = operands.filter((_, i) => !isLinear[i]);
  const given = cotangents.filter((ct) => ct !== null);
  const transposed = both(attributes.graphs, (graph) => {
    const scope = new Scope("placeholder", "the transpose of cond");
    const linearScope = new Scope("placeholder", "the transpose of cond");
    const parameters = graph.parameters.map((p, i) => placeholder(p, isLinear[i] ? linearScope : scope));
    const outputs = inlineGraph(graph, parameters).filter((_, i) => cotangents[i] !== null);
    const outputCotangents = placeholdersLike(
      given.map(({ node }) => node),
      scope,
    );
    const moving = parameters.filter((_, i) => isLinear[i]);
    const pulled = transposeLinear(
      outputs.map((output) => (output.node.scopes.includes(linearScope) ? output : null)),
      outputCotangents,
      moving.map(({ node }) => node),
      linearScope,
    );
    const parametersThere = [...parameters.filter((_, i) => !isLinear[i]), ...outputCotangents];
    return { parameters: parametersThere, moving, pulled };
  });
  const reached = transposed[0].pulled.map((ct, i) => ct !== null || transposed[1].pulled[i] !== null);
  if (!reached.includes(true)) return linear.map(() => null);
  const graphs = both(transposed, ({ parameters, moving, pulled }) =>
    closeGraph(
      "cond",
      parameters,
      pulled.flatMap((ct, i) => (reached[i] ? [ct ?? zerosOf(moving[i]!.node)] : [])),
    ),
  );
  const results = applyTuple(condPrimitive, [predicate, ...fixed, ...given], { graphs });
  let [nextLinear, nextResult] = [0, 0];
  return linear.map((wanted) => (wanted && reached[nextLinear++] ? results[nextResult++]! : null));
}

/** Where each example has a predicate of its own, both branches are computed for all of them. */
function batchCond({ inputs, batched, size, attributes }: BatchContext<CondAttributes>): readonly Tensor[] {
  const graphs = both(attributes.graphs, (graph) => batchGraphOf(graph, batched.slice(1), size));
  if (!batched[0]) return applyTuple(condPrimitive, inputs, { graphs });
  const [predicate, ...operands] = inputs as [Tensor, ...Tensor[]];
  const [onTrue, onFalse] = both(graphs, (graph) => inlineGraph(graph, operands));
  return onTrue.map((x, i) => selectExamples(predicate, x, onFalse[i]!));
}

/** For each example, along the first axis, the one or the other. */
export const selectExamples = (predicate: Tensor, x: Tensor, y: Tensor): Tensor =>
  where(predicate.reshape([predicate.size, ...x.shape.slice(1).map(() => 1)]), x, y) as Tensor;

/**
 * One of two functions, chosen while the program runs: `predicate ? onTrue(...operands) : onFalse(...operands)`. Both
 * are called once, on placeholders, and must return the same types; when the program runs only one of them does, and so
 * do only its derivatives, of both modes. Under `vmap` with a predicate for each example both are computed and `where`
 * selects, so there a derivative that is infinite or NaN where a branch is not taken spoils the gradient: mask its
 * operand, too. A JavaScript boolean as the predicate simply calls the function.
 *
 * @example cond(x.sum().gt(0), (x) => x.sqrt(), (x) => x.mul(0), x)
 * @throws ShapeError where the predicate is not a scalar, DTypeError where it is not a bool
 * @throws TreeError where the branches return different structures, ArgumentError where the types of a leaf differ
 */
export const cond: Cond = ((
  predicate: Tensor | boolean,
  onTrue: (...operands: readonly unknown[]) => unknown,
  onFalse: (...operands: readonly unknown[]) => unknown,
  ...operands: readonly unknown[]
) => {
  checkFunction(onTrue, "cond");
  checkFunction(onFalse, "cond");
  if (typeof predicate === "boolean") return (predicate ? onTrue : onFalse)(...operands);
  checkPredicate(predicate, "cond");
  const { leaves, structure } = flatten(operands);
  const returned: Flat[] = [];
  const { graphs, captured } = traceGraphs(
    "cond",
    leaves.map(({ node }) => node),
    [onTrue, onFalse].map((branch) => (parameters) => {
      const result = branch(...(structure.rebuild(parameters) as unknown[]));
      checkSynchronous(result, "cond");
      returned.push(flatten(result));
      return returned.at(-1)!.leaves;
    }),
    "inside",
  );
  const [first, second] = returned as [Flat, Flat];
  checkBranches(first, second);
  if (first.leaves.length === 0) return first.structure.rebuild([]);
  const results = applyTuple(condPrimitive, [predicate, ...captured, ...leaves], {
    graphs: graphs as [Graph, Graph],
  });
  const output = first.structure.rebuild(results);
  groupResults(output);
  return output;
}) as unknown as Cond;

/** @throws ArgumentError, DTypeError or ShapeError unless `predicate` is a bool scalar tensor */
export function checkPredicate(predicate: unknown, what: string): asserts predicate is Tensor {
  if (!(predicate instanceof Tensor)) {
    throw new ArgumentError(
      `${what}: expected a bool scalar tensor, got ${predicate === null ? "null" : typeof predicate}; ` +
        "compare tensors to get one: x.gt(0)",
    );
  }
  if (predicate.dtype !== "bool") {
    throw new DTypeError(`${what}: expected a bool scalar, got ${showType(predicate)}; write x.ne(0)`);
  }
  if (predicate.rank === 0) return;
  throw new ShapeError(
    `${what}: expected a bool scalar, got shape ${showShape(predicate.shape)}; reduce it by all() or any(), ` +
      "or use where(condition, x, y) or vmap to choose for each element",
  );
}

function checkBranches(onTrue: Flat, onFalse: Flat): void {
  if (onTrue.structure.key !== onFalse.structure.key) {
    throw new TreeError(
      `cond: the branches return different structures.\n  onTrue  ${onTrue.structure.key}\n  onFalse ${onFalse.structure.key}\n` +
        "Both need the same keys and lengths, with a tensor (T) in the same places: which branch is taken is not known " +
        "when they are called, so a number that differs must be a tensor(...).",
    );
  }
  onTrue.leaves.forEach((x, i) => {
    const y = onFalse.leaves[i]!;
    if (sameType(x, y)) return;
    const path = onTrue.structure.paths()[i]!;
    throw new ArgumentError(
      `cond: the branches return different types${path === "" ? "" : ` at ${path}`}: ${showType(x)} from onTrue, ` +
        `${showType(y)} from onFalse; convert one of them with astype, reshape or broadcastTo`,
    );
  });
}
