import { type Geometry, type Stage, sizeOf } from "@amari/core/backend";
import { type Code, range } from "../dot/code.ts";
import { type Split, splitInto, splitOfTiles, whole } from "../dot/split.ts";
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
  return {
    stage,
    type,
    groups,
    batch,
    outputs,
    axes,
    order,
    m: outputs / groups,
    n: batch * sizeOf(axes.map(placesOf)),
    k: sizeOf(input.shape) === 0 ? 0 : sizeOf([...order.lines, order.run].map(({ extent }) => extent)),
    matrices: groups * phasesOf(axes),
  };
}

const phasesOf = (axes: readonly WindowAxis[]): number => sizeOf(axes.map(({ phases }) => phases.length));

/** Where there are so few rows or columns, tiles of many invocations would be mostly empty. */
export const isSmall = ({ m, n }: Parts): boolean => m < quad || n < 4 * quad;

/** So many invocations keep a device busy. */
const enoughInvocations = 16_384;

/** How k is cut, by the shape alone. */
export function splitOf(parts: Parts): Split {
  const { m, n, k, matrices } = parts;
  if (!isSmall(parts)) return splitOfTiles({ m, n, k }, matrices);
  const invocations = Math.ceil(m / quad) * Math.ceil(n / quad) * matrices;
  if (invocations >= enoughInvocations || k < 512) return whole(k);
  return splitInto(Math.ceil((2 * enoughInvocations) / invocations), k, 128, 16);
}

/**
 * A convolution as products of matrices, one for each group of channels and each phase: the weights, whose rows are the
 * channels of the result, by the matrix of windows, whose columns are its places in all images. That matrix is never there:
 * its elements are read where they stand in the input, or are zeros.
 */
export function convolutionProduct(parts: Parts): TiledProduct {
  const { stage, type, m, n, k, matrices } = parts;
  const table = new TableLayout();
  for (const buffer of [stage.input.buffer, stage.window.buffer, stage.result]) table.buffer(buffer);
  const [left, right] = [weightsOperand(parts, table), windowsOperand(parts, table)];
  return {
    type,
    matrices,
    m,
    n,
    k,
    split: splitOf(parts),
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

/** The number of a phase along an axis, for the number `matrix`. */
function phaseOf(axes: readonly WindowAxis[], axis: number): string {
  const inside = phasesOf(axes.slice(axis + 1));
  return `matrix / ${inside} % ${axes[axis]!.phases.length}`;
}

/** The one of these numbers that belongs to the phase. */
function ofPhase(numbers: readonly number[], phase: string): string {
  if (numbers.every((x) => x === numbers[0])) return `${numbers[0] ?? 0}`;
  return `array<i32, ${numbers.length}>(${numbers.join(", ")})[${phase}]`;
}

/** `+ a + b`, without zeros. */
const sum = (...terms: readonly string[]): string => {
  const some = terms.filter((term) => term !== "0");
  return some.length === 0 ? "0" : some.join(" + ");
};

const scaled = (text: string, by: number): string => {
  if (by === 0 || text === "0") return "0";
  return by === 1 ? text : `${text} * ${by}`;
};

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
      const group = `matrix / ${phasesOf(axes)}`;
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
      const group = `matrix / ${phasesOf(axes)}`;
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
      const starts = axes.map((axis, number) => {
        const inside = sizeOf(axes.slice(number + 1).map(placesOf));
        code.line(
          `let ${four}_x${number} = ${sum(scaled(`${four} / ${inside} % ${placesOf(axis)}`, axis.step), `start${number}`)};`,
        );
        return scaled(`${four}_x${number}`, strides[number + 2]!);
      });
      const image = scaled(`${four} / ${sizeOf(axes.map(placesOf))}`, strides[0]!);
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
  for (const { name, extent } of order.lines.toReversed()) {
    if (extent > 1) code.line(`let ${name} = line / ${inside} % ${extent};`);
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
  const { k, type, order } = parts;
  if (k === 0) return;
  const isCut = splitOf(parts).pieces > 1;
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
    const [from, to] = isCut
      ? [`max(first - line * ${extent}, 0)`, `min(last - line * ${extent}, ${end})`]
      : ["0", end];
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
  return {
    quads: false,
    begin(code) {
      const phases = axes.map((_, axis) => scaled(phaseNumber(axes, axis), sizeOf(results.slice(axis + 1))));
      const group = scaled(`matrix / ${phasesOf(axes)}`, m * channel);
      code.line(`let to = ${sum(table.buffer(stage.result), group, ...phases)};`);
    },
    place(code, four, column) {
      code.line(`let ${four} = vec4<i32>(${column}) + vec4<i32>(0, 1, 2, 3);`);
      const conditions = [`(${four} < vec4<i32>(${n}))`];
      const offsets = axes.map((axis, number) => {
        const inside = sizeOf(axes.slice(number + 1).map(placesOf));
        const place = `${four} / ${inside} % ${placesOf(axis)} * ${axis.apart}`;
        if (axis.results % axis.apart !== 0 && axis.phases.length > 1)
          conditions.push(`(${sum(place, phaseNumber(axes, number))} < vec4<i32>(${axis.results}))`);
        return scaled(place, sizeOf(results.slice(number + 1)));
      });
      const image = scaled(`${four} / ${sizeOf(axes.map(placesOf))}`, outputs * channel);
      code.line(`let ${four}_at = ${sum(image, ...offsets)};`, `let ${four}_is = ${conditions.join(" & ")};`);
    },
    has: (four, j) => `${four}_is[${j}]`,
    at: (four, j, row) => sum("to", scaled(`(${row})`, channel), `${four}_at[${j}]`),
  };
}

const phaseNumber = (axes: readonly WindowAxis[], axis: number): string =>
  axes[axis]!.phases.length === 1 ? "0" : `${phaseOf(axes, axis)}`;
