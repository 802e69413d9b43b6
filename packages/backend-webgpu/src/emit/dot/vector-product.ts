import { type FloatContext, FloatReader, widthOf } from "../float-reader.ts";
import { combineLanes, combineNeighbours, type Lanes, type LaneValue, laneTreeWords } from "../lane-tree.ts";
import { enoughInvocations } from "../passes.ts";
import { quad } from "../quads.ts";
import {
  aloneWorkgroup,
  type DeviceKernel,
  gridOf,
  groupNumber,
  type KernelContext,
  type Shader,
} from "../shader.ts";
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
 * @param context - where no invocations share a fold, each makes all sums of an element alone, with the same bits
 */
export function emitVectorProduct(
  stage: DotStage,
  context: Pick<KernelContext, "subgroup" | "lanes"> & FloatContext,
): DeviceKernel {
  const { subgroup, lanes } = context;
  const floats = new FloatReader("u32", context);
  const table = new TableLayout(widthOf(context));
  const split = splitOf(stage);
  const form = formOf(stage, split.pieces === 1);
  const places = form.outer * matricesOf(stage) * split.pieces;
  if (places === 0) return { shaders: [], table, memory: 0 };
  for (const { buffer } of [stage.left, stage.right, stage.result]) table.buffer(buffer);
  const isAcross = form.outerStride === 1 && form.innerStride !== 1;
  const product =
    lanes === 1
      ? alone(stage, form, split, table, floats)
      : isAcross
        ? byColumns(stage, form, split, table, floats)
        : byRows(stage, form, split, table, floats, subgroup);
  if (split.pieces === 1) return { shaders: [product], table, memory: 0 };
  const memory = split.pieces * matricesOf(stage) * stage.m * stage.n;
  const { m, n } = stage;
  const target = matrixTarget(stage, table, false);
  const sum = addPieces({ type: "f32", matrices: matricesOf(stage), m, n, split, target, table });
  return { shaders: [product, sum], table, memory };
}

/** Where everything begins, from the number `place`; `blocks` of them make one matrix's piece. */
function beginnings(stage: DotStage, split: Split, table: TableLayout, blocks: number): string[] {
  const { left, right, result, batch, m, n, k } = stage;
  const base = ({ buffer, offset, batchStrides }: DotStage["left"]): string =>
    `${table.buffer(buffer)} + ${offset} + ${placeInBatch(batch, batchStrides)}`;
  const isWhole = split.pieces === 1;
  return [
    `let piece = place / ${blocks} % ${split.pieces};`,
    `let matrix = place / ${blocks * split.pieces};`,
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
  combine: sumOf,
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
  floats: FloatReader,
  subgroup: number,
): Shader {
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
    ...beginnings(stage, split, table, outer),
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
      functions: floats.functions,
      invocations: sums,
      shared,
      subgroups: subgroup > 1,
    }),
    groups: gridOf(groups),
  };
}

const target = ({ resultStride, resultVectorStride }: VectorForm, v: number): string =>
  `to + outer * ${resultStride} + ${v * resultVectorStride}`;

/** Neighbouring sums that an invocation has at a time, a branch of the tree, and how many such runs there are. */
const run = 8;
const runs = sums / run;

/** The steps of a run of sums from `p` on, and the branch of the tree that they make for each vector. */
function runOfSums(form: VectorForm, load: Load): { readonly lines: string[]; readonly branches: string[] } {
  const { vectors, matrix, outerStride, innerStride, vectorStride, vectorInnerStride } = form;
  const step = (i: number): string[] => [
    `  let x${i} = ${load(matrix, `at * ${outerStride}`, `(p + ${i}) * ${innerStride}`)};`,
    ...range(vectors).map((v) => {
      const y = load(other(matrix), `${v * vectorStride}`, `(p + ${i}) * ${vectorInnerStride}`);
      return `  sum${v}_${i} = fma(x${i}, ${y}, sum${v}_${i});`;
    }),
  ];
  return {
    lines: [
      ...range(vectors).flatMap((v) => range(run).map((i) => `var sum${v}_${i} = 0.0f;`)),
      `for (; p + ${run - 1} < last; p += ${sums}) {`,
      ...range(run).flatMap(step),
      "}",
      ...range(run - 1).flatMap((i) => [`if (p + ${i} < last) {`, ...step(i), "}"]),
    ],
    branches: range(vectors).map((v) =>
      combineNeighbours(
        range(run).map((i) => `sum${v}_${i}`),
        sumOf,
      ),
    ),
  };
}

const sumOf = (x: string, y: string): string => `(${x} + ${y})`;

/** Places of a workgroup. */
const placesOfGroup = 32;

/** Neighbouring invocations have neighbouring places; each has a run of the sums. */
function byColumns(
  stage: DotStage,
  form: VectorForm,
  split: Split,
  table: TableLayout,
  floats: FloatReader,
): Shader {
  const { outer, vectors } = form;
  const blocks = Math.ceil(outer / placesOfGroup);
  const groups = blocks * split.pieces * matricesOf(stage);
  const { lines: steps, branches } = runOfSums(form, loadFrom(stage, floats));
  const partial = (v: number, r: number): string => `partials[${(v * runs + r) * placesOfGroup}u + lane]`;
  const lines = [
    `let place = i32(${groupNumber});`,
    `if (place >= ${groups}) { return; }`,
    `let outer = place % ${blocks} * ${placesOfGroup} + i32(lane) % ${placesOfGroup};`,
    `let at = min(outer, ${outer - 1});`,
    ...beginnings(stage, split, table, blocks),
    `var p = first + i32(lane) / ${placesOfGroup} * ${run};`,
    ...steps,
    ...branches.map((branch, v) => `${partial(v, 0)} = ${branch};`),
    "workgroupBarrier();",
    `if (lane < ${placesOfGroup}u && outer < ${outer}) {`,
    ...range(vectors).map((v) => {
      const sum = combineNeighbours(
        range(runs).map((r) => partial(v, r)),
        sumOf,
      );
      return `  heap[${target(form, v)}] = bitcast<u32>(${sum});`;
    }),
    "}",
  ];
  const memory = [`var<workgroup> partials: array<f32, ${vectors * runs * placesOfGroup}>;`];
  return {
    text: shaderText({
      lines,
      table,
      functions: floats.functions,
      invocations: runs * placesOfGroup,
      shared: memory,
    }),
    groups: gridOf(groups),
  };
}

/**
 * One invocation makes all sums of a place, one after the other. It takes four neighbours of the matrix at a time, where
 * there are whole quads of them: of four places, or of four sums.
 */
function alone(
  stage: DotStage,
  form: VectorForm,
  split: Split,
  table: TableLayout,
  floats: FloatReader,
): Shader {
  const load = loadFrom(stage, floats);
  const { outer, vectors, matrix, outerStride, innerStride, vectorStride, vectorInnerStride } = form;
  const isAcross = outerStride === 1 && innerStride !== 1;
  const isByQuads = (isAcross ? outer : stage.k) % quad === 0;
  const [places, own] = isByQuads ? (isAcross ? [quad, 1] : [1, quad]) : [1, 1];
  const type = isByQuads ? "vec4<f32>" : "f32";
  const groups = Math.ceil(outer / places) * split.pieces * matricesOf(stage);
  const four = (text: (i: number) => string): string =>
    isByQuads ? `${type}(${range(quad).map(text).join(", ")})` : text(0);
  const [along, across] = isAcross ? [0, 1] : [1, 0];
  const x = four((i) =>
    load(matrix, `(at + ${across * i}) * ${outerStride}`, `(p + ${along * i}) * ${innerStride}`),
  );
  const ofVector = (v: number, i: number): string =>
    load(other(matrix), `${v * vectorStride}`, `(p + ${i}) * ${vectorInnerStride}`);
  const y = (v: number): string => (isAcross ? `${type}(${ofVector(v, 0)})` : four((i) => ofVector(v, i)));
  // What is kept of a turn: the sums of four places, or the branch that four sums of one make.
  const kept = sums / own;
  const keep = (v: number): string =>
    own === 1
      ? `sum${v}`
      : combineNeighbours(
          range(quad).map((i) => `sum${v}[${i}]`),
          sumOf,
        );
  const part = (v: number, i: string): string => `parts${v}[${i}]`;
  const each = (text: (v: number) => string): string[] => range(vectors).map(text);
  const lines = [
    `let place = i32(${groupNumber} * ${aloneWorkgroup}u + lane);`,
    `if (place >= ${groups}) { return; }`,
    `let at = place % ${outer / places} * ${places};`,
    ...beginnings(stage, split, table, outer / places),
    ...each((v) => `var parts${v}: array<${places === 1 ? "f32" : type}, ${kept}>;`),
    `for (var r = 0; r < ${kept}; r++) {`,
    ...each((v) => `  var sum${v} = ${type}();`),
    `  for (var p = first + r * ${own}; p < last; p += ${sums}) {`,
    `    let x = ${x};`,
    ...each((v) => `    sum${v} = fma(x, ${y(v)}, sum${v});`),
    "  }",
    ...each((v) => `  ${part(v, "r")} = ${keep(v)};`),
    "}",
    `for (var count = ${kept / 2}; count > 0; count /= 2) {`,
    "  for (var i = 0; i < count; i++) {",
    ...each((v) => `    ${part(v, "i")} = ${sumOf(part(v, "2 * i"), part(v, "2 * i + 1"))};`),
    "  }",
    "}",
    ...range(places).flatMap((i) => [
      "{",
      `  let outer = at + ${i};`,
      ...each(
        (v) => `  heap[${target(form, v)}] = bitcast<u32>(${part(v, "0")}${places === 1 ? "" : `[${i}]`});`,
      ),
      "}",
    ]),
  ];
  return {
    text: shaderText({ lines, table, functions: floats.functions, invocations: aloneWorkgroup }),
    groups: gridOf(Math.ceil(groups / aloneWorkgroup)),
  };
}
