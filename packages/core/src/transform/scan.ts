import {
  applyTuple,
  type BatchContext,
  type JvpContext,
  outputAt,
  type Primitive,
  type Tangent,
  type TransposeContext,
} from "../define/primitive.ts";
import { isFloat } from "../dtype.ts";
import { ArgumentError, AxisError, TreeError } from "../errors/errors.ts";
import { type Graph, Scope } from "../node.ts";
import type { LoopAttributes, TensorType } from "../operation.ts";
import { zerosLike } from "../ops/creation.ts";
import { showShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { type Flat, flatten } from "../tree.ts";
import { nextCarry } from "./carry.ts";
import {
  batchGraphOf,
  closeGraph,
  copyGraph,
  inlineGraph,
  placeholdersLike,
  traceGraph,
  zerosOf,
} from "./graph.ts";
import { replaceNodes } from "./rebuild.ts";
import { residualsOf } from "./residuals.ts";
import { checkFunction, checkSynchronous, groupResults, isIn, placeholder } from "./scope.ts";
import type { Scan } from "./signatures.ts";
import { tangentsOf } from "./tangents.ts";
import { transposeLinear } from "./transpose.ts";

interface ScanAttributes extends LoopAttributes {
  readonly graphs: readonly [Graph];
}

/**
 * A loop over the first axis: operands are constants, first carries and sequences; results are the last carries and the
 * stacked outputs of the body.
 */
const scanPrimitive: Primitive<ScanAttributes> = {
  name: "scan",
  kernel: { kind: "control", form: "scan" },
  type: (_, attributes) => resultTypes(attributes),
  jvp: (context) => scanTangents(context),
  transpose: (context) => transposeScan(context),
  batch: (context) => batchScan(context),
};

function resultTypes({ graphs: [body], carries, length }: ScanAttributes): TensorType[] {
  return body.outputs.map(({ shape, dtype }, i) => ({
    shape: i < carries ? shape : [length, ...shape],
    dtype,
  }));
}

/** The three parts of a scan's operands or of its body's parameters. */
function split<T>(list: readonly T[], { constants, carries }: LoopAttributes): [T[], T[], T[]] {
  return [
    list.slice(0, constants),
    list.slice(constants, constants + carries),
    list.slice(constants + carries),
  ];
}

/**
 * The tangent of a scan is a scan over tangents. What its linear body needs of the primal one becomes a further output
 * of the primal scan, which is extended in place while it is still pending: the forward pass runs once.
 */
function scanTangents({
  inputs,
  tangents,
  outputs,
  attributes,
}: JvpContext<ScanAttributes>): readonly Tangent[] {
  const node = outputs[0]!.node.inputs[0]!;
  const { constants, carries } = attributes;
  const graph = copyGraph(attributes.graphs[0]);
  const isCarry = (i: number) => i >= constants && i < constants + carries;
  const scope = new Scope("placeholder", "the tangents of scan");
  const moving = graph.parameters.map((p, i) => isFloat(p.dtype) && (isCarry(i) || tangents[i] !== null));
  const seeds = graph.parameters.map((p, i) => (moving[i] ? placeholder(p, scope) : null));
  const seedOf = new Map(
    graph.parameters.flatMap((p, i) => (seeds[i] === null ? [] : [[p, seeds[i]!] as const])),
  );
  const floats = graph.outputs.map((output) => isFloat(output.dtype));
  const derived = tangentsOf(graph.outputs, seedOf, graph.scope);
  const results = derived.flatMap((tangent, i) => (floats[i] ? [tangent ?? zerosOf(graph.outputs[i]!)] : []));

  const primal = residualsOf(results, graph, (parameter) => parameter < constants, scope);
  const extended: ScanAttributes = {
    ...attributes,
    graphs: [{ ...graph, outputs: [...graph.outputs, ...primal.saved] }],
  };
  if (primal.saved.length > 0) node.extend(extended, resultTypes(extended));
  const saved = primal.saved.map((_, i) => outputAt(node, graph.outputs.length + i));

  const [constantSeeds, carrySeeds, sequenceSeeds] = split(seeds, attributes).map((part) =>
    part.filter((s) => s !== null),
  );
  const given = inputs.map((x, i) => (moving[i] ? (tangents[i] ?? (zerosLike(x) as Tensor)) : null));
  const [constantTangents, carryTangents, sequenceTangents] = split(given, attributes).map((part) =>
    part.filter((t) => t !== null),
  );
  const body = closeGraph(
    "scan",
    [...primal.parameters.values(), ...constantSeeds!, ...carrySeeds!, ...sequenceSeeds!, ...primal.values],
    replaceNodes(
      results.map((r) => r.node),
      primal.standIns,
      isIn(scope),
    ),
  );
  const operands = [
    ...[...primal.parameters.keys()].map((parameter) => inputs[parameter]!),
    ...constantTangents!,
    ...carryTangents!,
    ...sequenceTangents!,
    ...saved,
  ];
  const pushed = applyTuple(scanPrimitive, operands, {
    ...attributes,
    graphs: [body],
    constants: primal.parameters.size + constantTangents!.length,
    carries: carryTangents!.length,
  });
  let next = 0;
  return floats.map((isMoving) => (isMoving ? pushed[next++]! : null));
}

/**
 * The transpose of a linear scan is a scan in the other direction: its carries are the cotangents of the carries and
 * the sums of the cotangents of linear constants.
 */
function transposeScan({
  cotangents,
  inputs,
  linear,
  attributes,
}: TransposeContext<ScanAttributes>): readonly Tangent[] {
  const {
    graphs: [graph],
    carries,
  } = attributes;
  const [linearConstants, , linearSequences] = split(linear, attributes);
  const [constants, carried, sequences] = split(inputs, attributes);
  const scope = new Scope("placeholder", "the transpose of scan");
  const linearScope = new Scope("placeholder", "the transpose of scan");
  const isCarry = (i: number) => i >= attributes.constants && i < attributes.constants + carries;
  const isMoving = graph.parameters.map((_, i) => isCarry(i) || linear[i]!);
  const parameters = graph.parameters.map((p, i) => placeholder(p, isMoving[i] ? linearScope : scope));
  const outputs = inlineGraph(graph, parameters);
  const [lastCotangents, stackedCotangents] = [cotangents.slice(0, carries), cotangents.slice(carries)];
  const outputCotangents = placeholdersLike(graph.outputs, scope);

  const moving = parameters.filter((_, i) => isMoving[i]);
  const pulled = transposeLinear(
    outputs.map((output) => (output.node.scopes.includes(linearScope) ? output : null)),
    outputCotangents,
    moving.map(({ node }) => node),
    linearScope,
  );
  const cotangentOf = new Map(moving.map((p, i) => [p, pulled[i] ?? zerosOf(p.node)]));
  const [constantParameters, carryParameters, sequenceParameters] = split(parameters, attributes);
  const pick = <T>(list: readonly T[], flags: readonly boolean[], wanted: boolean) =>
    list.filter((_, i) => flags[i] === wanted);
  const movingConstants = pick(constantParameters, linearConstants, true);
  const sums = placeholdersLike(
    movingConstants.map(({ node }) => node),
    scope,
  );
  const used = stackedCotangents.map((cotangent) => cotangent !== null);
  const zeroFor = new Map(
    outputCotangents.slice(carries).flatMap((p, i) => (used[i] ? [] : [[p.node, zerosOf(p.node)] as const])),
  );
  const bodyOutputs = [
    ...carryParameters.map((p) => cotangentOf.get(p)!),
    ...movingConstants.map((p, i) => sums[i]!.add(cotangentOf.get(p)!)),
    ...pick(sequenceParameters, linearSequences, true).map((p) => cotangentOf.get(p)!),
  ];
  const body = closeGraph(
    "scan",
    [
      ...pick(constantParameters, linearConstants, false),
      ...outputCotangents.slice(0, carries),
      ...sums,
      ...pick(outputCotangents.slice(carries), used, true),
      ...pick(sequenceParameters, linearSequences, false),
    ],
    replaceNodes(
      bodyOutputs.map((o) => o.node),
      zeroFor,
      isIn(scope),
    ),
  );
  const results = applyTuple(
    scanPrimitive,
    [
      ...pick(constants, linearConstants, false),
      ...lastCotangents.map((cotangent, i) => cotangent ?? zerosOf(carried[i]!.node)),
      ...movingConstants.map(({ node }) => zerosOf(node)),
      ...stackedCotangents.filter((cotangent) => cotangent !== null),
      ...pick(sequences, linearSequences, false),
    ],
    {
      graphs: [body],
      constants: pick(constants, linearConstants, false).length,
      carries: carries + movingConstants.length,
      length: attributes.length,
      reverse: !attributes.reverse,
    },
  );
  const [carryResults, constantResults, sequenceResults] = [
    results.slice(0, carries),
    results.slice(carries, carries + movingConstants.length),
    results.slice(carries + movingConstants.length),
  ];
  let [nextConstant, nextSequence] = [0, 0];
  return [
    ...linearConstants.map((isLinear) => (isLinear ? constantResults[nextConstant++]! : null)),
    ...carryResults,
    ...linearSequences.map((isLinear) => (isLinear ? sequenceResults[nextSequence++]! : null)),
  ];
}

/** Every carry of a batched scan is batched, since the body may make it so; the batch is the body's first axis. */
function batchScan({ inputs, batched, size, attributes }: BatchContext<ScanAttributes>): readonly Tensor[] {
  const { carries } = attributes;
  const [constants, carried, sequences] = split(inputs, attributes);
  const [constantBatched, , sequenceBatched] = split(batched, attributes);
  const [, carryBatched] = split(batched, attributes);
  const flags = [...constantBatched, ...carried.map(() => true), ...sequenceBatched];
  const operands = [
    ...constants,
    ...carried.map((x, i) => (carryBatched[i] ? x : x.broadcastTo([size, ...x.shape]))),
    ...sequences.map((x, i) => (sequenceBatched[i] ? x.moveAxis(0, 1) : x)),
  ];
  const graph = batchGraphOf(attributes.graphs[0], flags, size);
  return applyTuple(scanPrimitive, operands, { ...attributes, graphs: [graph] }).map((y, i) =>
    i < carries ? y : y.moveAxis(1, 0),
  );
}

/** Options of {@link scan}. */
export interface ScanOptions {
  /** How often the body runs, where there are no sequences to tell. */
  readonly length?: number;
  /** Whether it runs from the last slice to the first. Default false. */
  readonly reverse?: boolean;
}

/**
 * A loop as one operation: `[carry, y] = f(carry, x)` for each slice x along the first axis of `xs`. Returns the last
 * carry and the ys, stacked. f is called once, on placeholders; the loop runs inside the program, differentiates in
 * both modes (saving what the derivative needs of each step) and batches.
 *
 * @example const [total, running] = scan((sum, x) => [sum.add(x), sum.add(x)], tensor(0), xs);
 * @throws TreeError where the carry that f returns differs in structure, ArgumentError where its types differ
 */
export const scan: Scan = ((
  f: (carry: unknown, x: unknown) => unknown,
  init: unknown,
  xs: unknown,
  options?: ScanOptions,
) => loopOver("scan", f, init, xs, options)) as unknown as Scan;

/** {@link scan} for a function of another name. */
export function loopOver(
  label: string,
  f: (carry: unknown, x: unknown) => unknown,
  init: unknown,
  xs: unknown,
  options: ScanOptions = {},
): [carry: unknown, ys: unknown] {
  checkFunction(f, label);
  const carry = flatten(init);
  const sequences = flatten(xs);
  const length = loopLength(label, sequences, options.length);
  const types = [
    ...carry.leaves.map((x) => x.node as TensorType),
    ...sequences.leaves.map(({ shape, dtype }) => ({ shape: shape.slice(1), dtype })),
  ];
  let stacked: Flat | undefined;
  const { graph, captured } = traceGraph(
    label,
    types,
    (parameters) => {
      const n = carry.leaves.length;
      const result = f(
        carry.structure.rebuild(parameters.slice(0, n)),
        sequences.structure.rebuild(parameters.slice(n)),
      );
      checkSynchronous(result, label);
      if (!Array.isArray(result) || result.length !== 2) {
        throw new TreeError(
          `${label}: the body must return [carry, y]; return [carry, null] where there is nothing to stack`,
        );
      }
      const next = nextCarry(label, carry, result[0]);
      stacked = flatten(result[1]);
      return [...next.leaves, ...stacked.leaves];
    },
    "hoisted",
  );
  if (graph.outputs.length === 0) return [carry.structure.rebuild([]), stacked!.structure.rebuild([])];
  const attributes: ScanAttributes = {
    graphs: [graph],
    constants: captured.length,
    carries: carry.leaves.length,
    length,
    reverse: options.reverse ?? false,
  };
  const results = applyTuple(scanPrimitive, [...captured, ...carry.leaves, ...sequences.leaves], attributes);
  const output: [unknown, unknown] = [
    carry.structure.rebuild(results.slice(0, carry.leaves.length)),
    stacked!.structure.rebuild(results.slice(carry.leaves.length)),
  ];
  groupResults(output);
  return output;
}

function loopLength(label: string, { leaves }: Flat, given: number | undefined): number {
  let length = given;
  for (const { shape } of leaves) {
    if (shape.length === 0)
      throw new AxisError(
        `${label}: a sequence is a scalar and has no first axis to run over; pass it by closing over it`,
      );
    if (length !== undefined && shape[0] !== length) {
      throw new ArgumentError(
        `${label}: a sequence of shape ${showShape(shape)} has ${shape[0]} slices, expected ${length}; all sequences need the same first axis`,
      );
    }
    length = shape[0]!;
  }
  if (length === undefined || !Number.isInteger(length) || length < 0) {
    throw new ArgumentError(`${label}: there is no sequence to run over; pass { length }`);
  }
  return length;
}
