import { type Geometry, type Stage, sizeOf } from "@amari/core/backend";
import { type Code, digit, range, scaled, sum } from "../dot/code.ts";
import type { Split } from "../dot/split.ts";
import type { ProductType, Target } from "../dot/target.ts";
import {
  addProducts,
  foursFromWords,
  type Operand,
  quad,
  type Sides,
  type TiledProduct,
} from "../dot/tiled-product.ts";
import { fromWord } from "../scope.ts";
import { TableLayout } from "../table.ts";
import { splitOf } from "./sizes.ts";
import { type SumAxis, type SumOrder, sumOrder } from "./sum-order.ts";
import { placesOf, type WindowAxis, windowAxes } from "./window-axis.ts";

export type ConvolutionStage = Extract<Stage, { kind: "convolution" }>;

/** A convolution, taken apart. */
export interface Parts {
  readonly stage: ConvolutionStage;
  readonly type: ProductType;
  readonly groups: number;
  readonly batch: number;
  /** Channels of the result, in all. */
  readonly outputs: number;
  readonly axes: readonly WindowAxis[];
  readonly order: SumOrder;
  /** Rows: channels of a group's result. */
  readonly m: number;
  /** Columns: the places of a phase in all images. */
  readonly n: number;
  readonly k: number;
  /** One for each group and phase. */
  readonly matrices: number;
  readonly split: Split;
}

export function partsOf(stage: ConvolutionStage, shape: readonly number[], type: ProductType): Parts {
  const { step, input, window } = stage;
  const geometry = step.attributes as Geometry;
  const [batch, outputs, ...places] = shape as [number, number, ...number[]];
  const [, perGroup, ...kernel] = window.shape as [number, number, ...number[]];
  const axes = windowAxes(geometry, input.shape.slice(2), kernel, places);
  const channels = { extent: perGroup, weights: window.strides[1]!, image: input.strides[1]! };
  const order = sumOrder(channels, axes, window.strides.slice(2), input.strides.slice(2));
  // Groups of an empty convolution may be none.
  const groups = Math.max(1, geometry.groups);
  const sizes = {
    m: outputs / groups,
    n: batch * sizeOf(axes.map(placesOf)),
    k: sizeOf(input.shape) === 0 ? 0 : sizeOf([...order.lines, order.run].map(({ extent }) => extent)),
  };
  const matrices = groups * phasesOf(axes);
  const split = splitOf(sizes, matrices, order.run.extent);
  return { stage, type, groups, batch, outputs, axes, order, ...sizes, matrices, split };
}

const phasesOf = (axes: readonly WindowAxis[]): number => sizeOf(axes.map(({ phases }) => phases.length));

/**
 * A convolution as products of matrices, one for each group of channels and each phase: the weights, whose rows are the
 * channels of the result, by the matrix of windows, whose columns are its places in all images. That matrix is never there:
 * its elements are read where they stand in the input, or are zeros.
 */
export function convolutionProduct(parts: Parts): TiledProduct {
  const { stage, type, m, n, k, matrices, split } = parts;
  const table = new TableLayout();
  for (const buffer of [stage.input.buffer, stage.window.buffer, stage.result]) table.buffer(buffer);
  const [left, right] = [weightsOperand(parts, table), windowsOperand(parts, table)];
  return {
    type,
    matrices,
    m,
    n,
    k,
    split,
    table,
    words: "u32",
    left: { along: "outer", ...left, load: loadWith(left, parts) },
    right: { along: "outer", ...right, load: loadWith(right, parts) },
    target: imageTarget(parts, table),
    sweep: (code, sides) => sweepLines(code, sides, parts, left, right),
  };
}

/** An operand of which four elements are found line by line. */
interface Lines extends Pick<Operand, "begin" | "place"> {
  /** Statements that find the four, which were placed, in the line whose numbers are known. */
  enter(code: Code, four: string): void;
  /** Their words at step `p` of the line; statements that they need go before. */
  words(code: Code, four: string, p: string): readonly string[];
}

/** The number of the group, for the number `matrix`. */
const groupOf = ({ axes, groups }: Parts): string => digit("matrix", phasesOf(axes), groups, true);

/** The number of the phase along an axis, likewise. */
function phaseOf(axes: readonly WindowAxis[], axis: number): string {
  return digit("matrix", phasesOf(axes.slice(axis + 1)), axes[axis]!.phases.length);
}

/** The place along an axis, for the number of a column. */
function placeOf({ axes, batch }: Parts, axis: number, column: string): string {
  const inside = sizeOf(axes.slice(axis + 1).map(placesOf));
  return digit(column, inside, placesOf(axes[axis]!), axis === 0 && batch === 1);
}

/** The image, likewise. */
const imageOf = ({ axes, batch }: Parts, column: string): string =>
  digit(column, sizeOf(axes.map(placesOf)), batch, true);

/** The one of these numbers that belongs to the phase. */
function ofPhase(numbers: readonly number[], phase: string): string {
  if (numbers.every((x) => x === numbers[0])) return `${numbers[0] ?? 0}`;
  return `array<i32, ${numbers.length}>(${numbers.join(", ")})[${phase}]`;
}

const fourFrom = (first: string, count: number): string =>
  `min(vec4<i32>(${first}) + vec4<i32>(0, 1, 2, 3), vec4<i32>(${count - 1}))`;

const lineOffset = ({ order }: Parts, of: "weights" | "image"): string =>
  sum(...order.lines.map((axis) => (axis.extent === 1 ? "0" : scaled(axis.name, axis[of]))));

function weightsOperand(parts: Parts, table: TableLayout): Lines {
  const { stage, axes, order, m } = parts;
  const { buffer, offset, strides } = stage.window;
  return {
    begin(code) {
      const firsts = axes.map(({ phases }, axis) =>
        scaled(
          ofPhase(
            phases.map(({ first }) => first),
            phaseOf(axes, axis),
          ),
          strides[axis + 2]!,
        ),
      );
      const group = groupOf(parts);
      code.line(
        `let left = ${sum(table.buffer(buffer), `${offset}`, scaled(group, m * strides[0]!), ...firsts)};`,
      );
    },
    place: (code, four, outer) =>
      code.line(`let ${four}_at = ${sum("vec4<i32>(left)", scaled(fourFrom(outer, m), strides[0]!))};`),
    enter: (code, four) => code.line(`let ${four}_line = ${four}_at + ${lineOffset(parts, "weights")};`),
    words: (_, four, p) =>
      range(quad).map((i) => `heap[${sum(`${four}_line[${i}]`, scaled(p, order.run.weights))}]`),
  };
}

function windowsOperand(parts: Parts, table: TableLayout): Lines {
  const { stage, axes, order, n } = parts;
  const { buffer, offset, strides } = stage.input;
  const perGroup = stage.window.shape[1]!;
  const { run, lines } = order;
  const inLine = lines.filter((axis) => axis.edge !== null);
  const isThere = (four: string, { edge, name, extent }: SumAxis, number = name): string =>
    `(vec4<u32>(${four}_x${edge!.axis}${extent === 1 ? "" : ` + ${scaled(number, edge!.tapStep)}`}) < vec4<u32>(${edge!.extent}u))`;
  const allThere = (four: string): string => inLine.map((axis) => isThere(four, axis)).join(" & ");
  return {
    begin(code) {
      const group = groupOf(parts);
      // Where a place is read instead that is not there.
      code.line(
        `let right = ${sum(table.buffer(buffer), `${offset}`, scaled(group, perGroup * strides[1]!))};`,
      );
      axes.forEach(({ phases }, axis) => {
        const phase = phaseOf(axes, axis);
        const numbers = (of: "start" | "taps") =>
          ofPhase(
            phases.map((each) => each[of]),
            phase,
          );
        code.line(`let start${axis} = ${numbers("start")};`);
        const { taps } = [...lines, run].find(({ name }) => name === `t${axis}`)!;
        if (taps !== null) code.line(`let ${taps} = ${numbers("taps")};`);
      });
    },
    place(code, four, outer) {
      code.line(`let ${four} = ${fourFrom(outer, n)};`);
      const starts = axes.map(({ step }, axis) => {
        const place = scaled(placeOf(parts, axis, four), step);
        code.line(`let ${four}_x${axis} = ${sum(`vec4<i32>(start${axis})`, place)};`);
        return scaled(`${four}_x${axis}`, strides[axis + 2]!);
      });
      const image = scaled(imageOf(parts, four), strides[0]!);
      code.line(`let ${four}_at = ${sum("vec4<i32>(right)", image, ...starts)};`);
    },
    enter(code, four) {
      const line = `${four}_at + ${lineOffset(parts, "image")}`;
      if (inLine.length > 0) code.line(`let ${four}_is = ${allThere(four)};`);
      const isSafe = inLine.length > 0 && run.edge === null;
      code.line(`let ${four}_line = ${isSafe ? `select(vec4<i32>(right), ${line}, ${four}_is)` : line};`);
    },
    words(code, four, p) {
      if (run.edge === null) {
        const words = range(quad).map((j) => `heap[${sum(`${four}_line[${j}]`, scaled(p, run.image))}]`);
        if (inLine.length === 0) return words;
        return words.map((word, j) => `select(0u, ${word}, ${four}_is[${j}])`);
      }
      const isAll = [isThere(four, run, p), ...(inLine.length > 0 ? [`${four}_is`] : [])].join(" & ");
      code.line(
        `let ${four}_has = ${isAll};`,
        `let ${four}_from = select(vec4<i32>(right), ${sum(`${four}_line`, scaled(p, run.image))}, ${four}_has);`,
      );
      return range(quad).map((j) => `select(0u, heap[${four}_from[${j}]], ${four}_has[${j}])`);
    },
  };
}

/** Statements that take the number of a line apart. */
function findLine(code: Code, { order }: Parts): void {
  let inside = 1;
  for (const [i, { name, extent }] of [...order.lines.entries()].reverse()) {
    const isOutermost = order.lines.slice(0, i).every((axis) => axis.extent === 1);
    if (extent > 1) code.line(`let ${name} = ${digit("line", inside, extent, isOutermost)};`);
    inside *= extent;
  }
}

/** Conditions that the taps of a line are taps of the phase. */
const lineConditions = ({ order }: Parts): string[] =>
  order.lines.flatMap(({ taps, name, extent }) =>
    taps === null ? [] : [`${extent === 1 ? "0" : name} < ${taps}`],
  );

/** Loads four elements of a tile. */
function loadWith({ enter, words }: Lines, parts: Parts): Operand["load"] {
  const { run } = parts.order;
  return (code, four, inner, nothing, isRagged) => {
    code.line(`let line = ${inner} / ${run.extent};`);
    code.line(`let p = ${inner} % ${run.extent};`);
    findLine(code, parts);
    const conditions = [
      ...(isRagged ? [`${inner} < last`] : []),
      ...lineConditions(parts),
      ...(run.taps === null ? [] : [`p < ${run.taps}`]),
    ];
    const load = (): string => {
      enter(code, four);
      return `vec4<u32>(${words(code, four, "p").join(", ")})`;
    };
    if (conditions.length === 0) return load();
    code.line(`var loaded = ${nothing};`);
    code.block(`if (${conditions.join(" && ")})`, () => code.line(`loaded = ${load()};`));
    return "loaded";
  };
}

/** Each invocation reads for itself, line by line. */
function sweepLines(code: Code, sides: Sides, parts: Parts, left: Lines, right: Lines): void {
  const { k, type, order, split } = parts;
  if (k === 0) return;
  const [rows, columns] = sides;
  const operands = { left, right };
  const fours = sides.flatMap((side) =>
    [...side.own.entries()].map(([g, own]) => ({
      operand: operands[side.name],
      name: `${side.name}${g}`,
      first: g === 0 ? side.origin : `${side.origin} + ${g * side.apart}`,
      own,
    })),
  );
  const { extent, taps } = order.run;
  for (const { operand, name, first } of fours) operand.place(code, name, first);
  code.block(`for (var line = first / ${extent}; line * ${extent} < last; line++)`, () => {
    findLine(code, parts);
    for (const condition of lineConditions(parts)) code.line(`if (!(${condition})) { continue; }`);
    for (const { operand, name } of fours) operand.enter(code, name);
    const end = taps ?? `${extent}`;
    const isWhole = split.pieces === 1 || split.length % extent === 0;
    const [from, to] = isWhole
      ? ["0", end]
      : [`max(first - line * ${extent}, 0)`, `min(last - line * ${extent}, ${end})`];
    code.block(`for (var p = ${from}; p < ${to}; p++)`, () => {
      for (const h of columns.own.keys()) {
        const words = right.words(code, `right${h}`, "p");
        code.line(`let y${h} = ${foursFromWords(`vec4<u32>(${words.join(", ")})`, type)};`);
      }
      for (const [g, own] of rows.own.entries()) {
        const words = left.words(code, `left${g}`, "p");
        for (const i of range(own)) code.line(`let x${g}_${i} = ${fromWord(words[i]!, type)};`);
      }
      addProducts(
        code,
        type,
        sides,
        (g, i) => `x${g}_${i}`,
        (h) => `y${h}`,
      );
    });
  });
}

/** The result of a convolution, which is dense. */
function imageTarget(parts: Parts, table: TableLayout): Target {
  const { stage, axes, m, n, outputs } = parts;
  const results = axes.map((axis) => axis.results);
  const channel = sizeOf(results);
  // Axes whose last places some phases do not have.
  const ragged = axes.flatMap((axis, i) =>
    axis.results % axis.phases.length === 0 || placesOf(axis) === 1 ? [] : [i],
  );
  return {
    quads: false,
    begin(code) {
      const phases = axes.map((_, axis) => scaled(phaseOf(axes, axis), sizeOf(results.slice(axis + 1))));
      const group = scaled(groupOf(parts), m * channel);
      code.line(`let to = ${sum(table.buffer(stage.result), group, ...phases)};`);
    },
    place(code, four, column, isInside) {
      code.line(`let ${four} = vec4<i32>(${column}) + vec4<i32>(0, 1, 2, 3);`);
      const offsets = axes.map(({ apart }, axis) =>
        scaled(placeOf(parts, axis, four), apart * sizeOf(results.slice(axis + 1))),
      );
      const image = scaled(imageOf(parts, four), outputs * channel);
      code.line(`let ${four}_at = ${sum("vec4<i32>()", image, ...offsets)};`);
      const conditions = [
        ...(isInside ? [] : [`(${four} < vec4<i32>(${n}))`]),
        ...ragged.map((axis) => {
          const place = scaled(placeOf(parts, axis, four), axes[axis]!.apart);
          return `(${sum(place, phaseOf(axes, axis))} < vec4<i32>(${results[axis]}))`;
        }),
      ];
      if (conditions.length > 0) code.line(`let ${four}_is = ${conditions.join(" & ")};`);
    },
    has: (four, j, isInside) => (isInside && ragged.length === 0 ? null : `${four}_is[${j}]`),
    at: (four, j, row) => sum("to", scaled(`(${row})`, channel), `${four}_at[${j}]`),
  };
}
