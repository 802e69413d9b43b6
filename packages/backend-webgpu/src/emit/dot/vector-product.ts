import { type FloatContext, FloatReader, widthOf } from "../float-reader.ts";
import { combineLanes, type Lanes, type LaneValue, laneTreeWords } from "../lane-tree.ts";
import { type DeviceKernel, gridOf, groupNumber, type Shader } from "../loops.ts";
import { enoughInvocations } from "../passes.ts";
import { ownMemory, TableLayout } from "../table.ts";
import { range } from "./code.ts";
import { type DotStage, matricesOf, placeInBatch } from "./dot-stage.ts";
import { matrixTarget } from "./matrix-target.ts";
import { shaderText } from "./shader-text.ts";
import { addPieces, type Split, splitInto, whole } from "./split.ts";

/** Sums of an element of the result: sum i takes the elements i, i + 64, i + 128, ... along k, and a tree adds them. */
const sums = 64;

/** A product has the form of vectors by a matrix where one side is shorter than this. */
export const mostVectors = 4;

/** How k is cut, by the sizes alone. */
function splitOf(stage: DotStage): Split {
  const { m, n, k } = stage;
  const results = m * n * matricesOf(stage);
  if (results * sums >= enoughInvocations || k < 8192) return whole(k);
  return splitInto(64, k, 4096, sums);
}

/** A product seen as vectors by a matrix: each vector gives a result for each place of the matrix outside of k. */
interface VectorForm {
  readonly outer: number;
  readonly vectors: number;
  readonly matrix: "left" | "right";
  /** Strides of the matrix, of the vectors and of the result. */
  readonly outerStride: number;
  readonly innerStride: number;
  readonly vectorStride: number;
  readonly vectorInnerStride: number;
  readonly resultStride: number;
  readonly resultVectorStride: number;
}

function formOf({ left, right, result, m, n }: DotStage, isWhole: boolean): VectorForm {
  const [rowStride, columnStride] = isWhole ? [result.rowStride, result.columnStride] : [n, 1];
  if (m < n) {
    return {
      outer: n,
      vectors: m,
      matrix: "right",
      outerStride: right.columnStride,
      innerStride: right.rowStride,
      vectorStride: left.rowStride,
      vectorInnerStride: left.columnStride,
      resultStride: columnStride,
      resultVectorStride: rowStride,
    };
  }
  return {
    outer: m,
    vectors: n,
    matrix: "left",
    outerStride: left.rowStride,
    innerStride: left.columnStride,
    vectorStride: right.columnStride,
    vectorInnerStride: right.rowStride,
    resultStride: rowStride,
    resultVectorStride: columnStride,
  };
}

/**
 * A product of which one side is a vector, or few of them. The matrix is read once, by invocations that stand side by side
 * where its elements do: along k, 64 of them make one element of the result; along the other side, each has its own and
 * several of the sums.
 *
 * @param subgroup - see {@link combineLanes}
 */
export function emitVectorProduct(stage: DotStage, subgroup: number, floats: FloatContext): DeviceKernel {
  const table = new TableLayout(widthOf(floats));
  const split = splitOf(stage);
  const form = formOf(stage, split.pieces === 1);
  const places = form.outer * matricesOf(stage) * split.pieces;
  if (places === 0) return { shaders: [], table, memory: 0 };
  for (const { buffer } of [stage.left, stage.right, stage.result]) table.buffer(buffer);
  const product =
    form.outerStride === 1 && form.innerStride !== 1
      ? byColumns(stage, form, split, table, floats)
      : byRows(stage, form, split, table, subgroup, floats);
  if (split.pieces === 1) return { shaders: [product], table, memory: 0 };
  const memory = split.pieces * matricesOf(stage) * stage.m * stage.n;
  const { m, n } = stage;
  const target = matrixTarget(stage, table, false);
  const sum = addPieces({ type: "f32", matrices: matricesOf(stage), m, n, split, target, table });
  return { shaders: [product, sum], table, memory };
}

/** Where everything begins, from the numbers `piece` and `matrix`. */
function beginnings(stage: DotStage, split: Split, table: TableLayout): string[] {
  const { left, right, result, batch, m, n, k } = stage;
  const base = ({ buffer, offset, batchStrides }: DotStage["left"]): string =>
    `${table.buffer(buffer)} + ${offset} + ${placeInBatch(batch, batchStrides)}`;
  const isWhole = split.pieces === 1;
  return [
    `let left = ${base(left)};`,
    `let right = ${base(right)};`,
    `let to = ${isWhole ? base(result) : `${ownMemory} + (piece * ${matricesOf(stage)} + matrix) * ${m * n}`};`,
    `let first = piece * ${split.length};`,
    `let last = ${isWhole ? k : `min(${k}, first + ${split.length})`};`,
  ];
}

/** Loads an element of a side of the product, by the terms of its place. */
type Load = (name: "left" | "right", ...terms: readonly string[]) => string;

const loadFrom =
  (stage: DotStage, floats: FloatReader): Load =>
  (name, ...terms) =>
    `bitcast<f32>(${floats.word(stage[name].buffer, [name, ...terms].join(" + "))})`;

const other = (matrix: "left" | "right"): "left" | "right" => (matrix === "left" ? "right" : "left");

/** The tree over sums that are kept in variables, neighbours first. */
const float = (name: string): LaneValue => ({
  name,
  combine: (x, y) => `(${x} + ${y})`,
  toWord: (value) => `bitcast<u32>(${value})`,
  fromWord: (word) => `bitcast<f32>(${word})`,
  isExchangeable: true,
});

/** A workgroup for each place, an invocation for each sum. */
function byRows(
  stage: DotStage,
  form: VectorForm,
  split: Split,
  table: TableLayout,
  subgroup: number,
  context: FloatContext,
): Shader {
  const floats = new FloatReader("u32", context);
  const load = loadFrom(stage, floats);
  const { outer, vectors, matrix, outerStride, innerStride, vectorStride, vectorInnerStride } = form;
  const groups = outer * split.pieces * matricesOf(stage);
  const names = range(vectors).map((v) => `sum${v}`);
  const values = names.map(float);
  const lanes: Lanes = { together: sums, workgroup: sums, subgroup };
  const lines = [
    `let place = i32(${groupNumber});`,
    `if (place >= ${groups}) { return; }`,
    `let outer = place % ${outer};`,
    `let piece = place / ${outer} % ${split.pieces};`,
    `let matrix = place / ${outer * split.pieces};`,
    ...beginnings(stage, split, table),
    ...names.map((name) => `var ${name} = 0.0f;`),
    `for (var p = first + i32(lane); p < last; p += ${sums}) {`,
    `  let x = ${load(matrix, `outer * ${outerStride}`, `p * ${innerStride}`)};`,
    ...names.map(
      (name, v) =>
        `  ${name} = fma(x, ${load(other(matrix), `${v * vectorStride}`, `p * ${vectorInnerStride}`)}, ${name});`,
    ),
    "}",
    ...combineLanes(values, lanes, true),
    "if (lane == 0u) {",
    ...names.map((name, v) => `  heap[${target(form, v)}] = bitcast<u32>(${name});`),
    "}",
  ];
  const words = laneTreeWords(values, lanes);
  const shared = words === 0 ? [] : [`var<workgroup> partials: array<u32, ${words}>;`];
  return {
    text: shaderText({
      lines,
      table,
      invocations: sums,
      shared,
      functions: floats.functions,
      subgroups: subgroup > 1,
    }),
    groups: gridOf(groups),
  };
}

const target = ({ resultStride, resultVectorStride }: VectorForm, v: number): string =>
  `to + outer * ${resultStride} + ${v * resultVectorStride}`;

/** Places of a workgroup, and among how many invocations the sums of each are shared. */
const placesOfGroup = 32;
const sharers = 8;

/** Neighbouring invocations have neighbouring places; each has a run of the sums, which are a branch of the tree. */
function byColumns(
  stage: DotStage,
  form: VectorForm,
  split: Split,
  table: TableLayout,
  context: FloatContext,
): Shader {
  const floats = new FloatReader("u32", context);
  const load = loadFrom(stage, floats);
  const { outer, vectors, matrix, outerStride, innerStride, vectorStride, vectorInnerStride } = form;
  const blocks = Math.ceil(outer / placesOfGroup);
  const groups = blocks * split.pieces * matricesOf(stage);
  const own = sums / sharers;
  const step = (i: number, indent: string): string[] => [
    `${indent}let x${i} = ${load(matrix, `at * ${outerStride}`, `(p + ${i}) * ${innerStride}`)};`,
    ...range(vectors).map((v) => {
      const y = load(other(matrix), `${v * vectorStride}`, `(p + ${i}) * ${vectorInnerStride}`);
      return `${indent}sum${v}_${i} = fma(x${i}, ${y}, sum${v}_${i});`;
    }),
  ];
  const branch = (v: number, first: number, extent: number): string =>
    extent === 1
      ? `sum${v}_${first}`
      : `(${branch(v, first, extent / 2)} + ${branch(v, first + extent / 2, extent / 2)})`;
  const shared = (v: number, first: number, extent: number): string =>
    extent === 1
      ? `partials[${(v * sharers + first) * placesOfGroup}u + lane]`
      : `(${shared(v, first, extent / 2)} + ${shared(v, first + extent / 2, extent / 2)})`;
  const lines = [
    `let place = i32(${groupNumber});`,
    `if (place >= ${groups}) { return; }`,
    `let outer = place % ${blocks} * ${placesOfGroup} + i32(lane) % ${placesOfGroup};`,
    `let at = min(outer, ${outer - 1});`,
    `let sharer = i32(lane) / ${placesOfGroup};`,
    `let piece = place / ${blocks} % ${split.pieces};`,
    `let matrix = place / ${blocks * split.pieces};`,
    ...beginnings(stage, split, table),
    ...range(vectors).flatMap((v) => range(own).map((i) => `var sum${v}_${i} = 0.0f;`)),
    `var p = first + sharer * ${own};`,
    `for (; p + ${own - 1} < last; p += ${sums}) {`,
    ...range(own).flatMap((i) => step(i, "  ")),
    "}",
    ...range(own - 1).flatMap((i) => [`if (p + ${i} < last) {`, ...step(i, "  "), "}"]),
    ...range(vectors).map((v) => `partials[${v * sharers * placesOfGroup}u + lane] = ${branch(v, 0, own)};`),
    "workgroupBarrier();",
    `if (lane < ${placesOfGroup}u && outer < ${outer}) {`,
    ...range(vectors).map((v) => `  heap[${target(form, v)}] = bitcast<u32>(${shared(v, 0, sharers)});`),
    "}",
  ];
  const memory = [`var<workgroup> partials: array<f32, ${vectors * sharers * placesOfGroup}>;`];
  return {
    text: shaderText({
      lines,
      table,
      invocations: sharers * placesOfGroup,
      shared: memory,
      functions: floats.functions,
    }),
    groups: gridOf(groups),
  };
}
