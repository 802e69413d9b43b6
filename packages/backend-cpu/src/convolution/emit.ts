import { vectorBytes, vectorTypes } from "../matmul/vector-type.ts";
import { FunctionBuilder, type Local } from "../wasm/function.ts";
import type { ConvolutionFunction } from "./library.ts";
import { blockDepth, type ConvolutionPlan, type Phase } from "./plan.ts";

/** Blocks of a workspace begin at multiples of this many bytes: a cache line. */
const alignment = 64;

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** What the function of a convolution needs to know of the running program. */
export interface ConvolutionFrame {
  /** Pushes the address of an operand or of the result. */
  pushAddress(f: FunctionBuilder, operand: "input" | "window" | "result"): void;
  /** The numbers of the library's functions. */
  readonly functions: { readonly [F in ConvolutionFunction]: number };
  /** Where the plan's tables stand: {@link tablesOf}. */
  readonly tables: number;
  /** Pushes the address of memory of {@link workspaceBytes} that may be used meanwhile. */
  pushWorkspace(f: FunctionBuilder): void;
}

/** Part of the taps of a window whose products are summed by one kernel. */
interface TapRange {
  readonly first: number;
  readonly count: number;
}

/** A phase with what is derived from it. */
interface PhaseLayout {
  readonly phase: Phase;
  /** One range unless a single channel has more taps than a block is deep. */
  readonly ranges: readonly TapRange[];
  readonly tables: Record<TableName, number>;
}

type TableName = "copies" | "inputAt" | "windowAt" | "rows";
const tableNames: readonly TableName[] = ["copies", "inputAt", "windowAt", "rows"];

/** The tables of a plan, one after the other. */
export const tablesOf = ({ phases }: ConvolutionPlan): Int32Array =>
  Int32Array.from(phases.flatMap((phase) => tableNames.flatMap((name) => phase[name])));

/** Splits the taps of a single channel so that no kernel sums more than a block is deep. */
function rangesOf({ taps, channelsPerBlock }: Phase): TapRange[] {
  const parts = channelsPerBlock > 1 ? 1 : Math.max(1, Math.ceil(taps / blockDepth));
  return Array.from({ length: parts }, (_, part) => {
    const first = Math.floor((part * taps) / parts);
    return { first, count: Math.floor(((part + 1) * taps) / parts) - first };
  });
}

/** Where the packed windows and the copies of channels stand in a workspace. */
function workspaceOf({ dtype, tile, outputs, phases }: ConvolutionPlan) {
  const { bytes } = vectorTypes[dtype];
  const packed = roundUp(tile.rows * tile.vectors * vectorBytes, alignment);
  const products = Math.max(0, ...phases.map(({ inputAt }) => inputAt.length));
  const copies = packed + roundUp(roundUp(outputs, tile.rows) * products * bytes, alignment);
  const copied = Math.max(0, ...phases.map((phase) => phase.channelsPerBlock * phase.copyBytes));
  // Tiles over the edge of a row read on, and their columns are thrown away.
  return { packed, copies, end: copies + copied + tile.vectors * vectorBytes };
}

/** The memory that a convolution uses while it runs. */
export const workspaceBytes = (plan: ConvolutionPlan): number => workspaceOf(plan).end;

/** How many parts a convolution can be run in: images, or groups where these are more. */
export function convolutionExtent(plan: ConvolutionPlan): number {
  return Math.max(itemsOf(plan), plan.groups);
}

const itemsOf = ({ images, imagesPerItem }: ConvolutionPlan): number => Math.ceil(images / imagesPerItem);

/** Writes a convolution as a function of the first part and the end of the parts to compute. */
export function emitConvolution(plan: ConvolutionPlan, frame: ConvolutionFrame): FunctionBuilder {
  const f = new FunctionBuilder({ parameters: ["i32", "i32"], results: [] });
  const [from, to] = f.parameters as [Local, Local];
  const items = itemsOf(plan);
  const byItem = items >= plan.groups;
  const { tile } = plan;
  const { bytes } = vectorTypes[plan.dtype];
  const { packed, copies } = workspaceOf(plan);
  const workspace = f.local("i32");
  const pushWorkspace = (offset: number) => f.get(workspace).i32(offset).op("i32.add");
  const integer = () => f.local("i32");
  const [group, channel, channels, item, images] = [integer(), integer(), integer(), integer(), integer()];
  const term = (local: Local, factor: number) => f.get(local).i32(factor).op("i32.mul").op("i32.add");

  const pushWindows = () => {
    frame.pushAddress(f, "window");
    f.i32(plan.windowOffset).op("i32.add");
    term(group, plan.outputs * plan.windowStrides.output);
    term(channel, plan.windowStrides.channel);
  };
  const pushChannels = () => {
    frame.pushAddress(f, "input");
    f.i32(plan.inputOffset).op("i32.add");
    term(item, plan.imagesPerItem * plan.inputStrides.image);
    term(group, plan.channels * plan.inputStrides.channel);
    term(channel, plan.inputStrides.channel);
  };
  const pushResult = () => {
    frame.pushAddress(f, "result");
    term(item, plan.imagesPerItem * plan.resultStrides.image);
    term(group, plan.outputs * plan.resultStrides.output);
  };
  /** Where the windows of a range of taps are packed in the workspace. */
  const packedAt = ({ first }: TapRange) => packed + roundUp(plan.outputs, tile.rows) * first * bytes;
  const pushDepth = ({ count }: TapRange) => f.get(channels).i32(count).op("i32.mul");

  const packWindows = ({ phase, ranges, tables }: PhaseLayout) => {
    for (const range of ranges) {
      const { first, count } = range;
      const at = phase.windowAt.slice(first, phase.channelsPerBlock > 1 ? undefined : first + count);
      const step = spacing(at);
      f.i32(plan.outputs);
      pushDepth(range);
      pushWindows();
      if (step === null) {
        f.i32(plan.windowStrides.output).i32(tables.windowAt + 4 * first);
        pushWorkspace(packedAt(range)).call(frame.functions.gather);
      } else {
        f.i32(at[0] ?? 0).op("i32.add");
        f.i32(plan.windowStrides.output).i32(step);
        pushWorkspace(packedAt(range)).call(frame.functions.pack);
      }
    }
  };
  const copyChannels = ({ phase, tables }: PhaseLayout) => {
    if (plan.columns === "images") f.get(images).i32(plan.inputStrides.image);
    f.get(channels);
    pushChannels();
    f.i32(plan.inputStrides.channel).i32(phase.copyStep);
    pushWorkspace(copies).i32(phase.copyBytes);
    f.i32(phase.copies.length / 3).i32(tables.copies);
    f.call(plan.columns === "images" ? frame.functions.copyImages : frame.functions.copyPlaces);
  };
  const multiply = ({ phase, tables }: PhaseLayout, range: TapRange) => {
    f.i32(plan.outputs);
    pushDepth(range);
    pushWorkspace(packedAt(range)).i32(tables.inputAt + 4 * range.first);
    f.i32(phase.rows.length / 2).i32(tables.rows);
    if (plan.columns === "images") f.get(images);
    else f.i32(phase.columns);
    pushWorkspace(copies);
    pushResult();
    f.i32(plan.resultStrides.output).i32(phase.columnStride);
    if (range.first > 0) f.i32(1);
    else f.get(channel);
    f.get(workspace).call(frame.functions.multiply);
  };
  /** Pushes how many of `total` are left after those that `pushDone` pushes, at most `limit`. */
  const pushRest = (total: number, pushDone: () => void, limit: number) => {
    const push = () => {
      f.i32(total);
      pushDone();
      return f.op("i32.sub");
    };
    f.i32(limit);
    push().i32(limit);
    push().op("i32.lt_s").op("select");
  };
  const eachItem = (body: () => void) => {
    f.forRange(item, byItem ? from : 0, byItem ? to : items, 1, () => {
      pushRest(plan.images, () => f.get(item).i32(plan.imagesPerItem).op("i32.mul"), plan.imagesPerItem);
      f.set(images);
      body();
    });
  };
  const computePhase = (layout: PhaseLayout) => {
    const { phase, ranges } = layout;
    // Every image fills the same places, so the zeros between and around them are written once.
    pushWorkspace(copies)
      .i32(0)
      .i32(phase.channelsPerBlock * phase.copyBytes)
      .memoryFill();
    f.i32(0).set(channel);
    // At least once: the result is zero where there are no products.
    f.doWhile(
      () => {
        pushRest(plan.channels, () => f.get(channel), phase.channelsPerBlock);
        f.set(channels);
        packWindows(layout);
        eachItem(() => {
          copyChannels(layout);
          for (const range of ranges) multiply(layout, range);
        });
      },
      () =>
        f
          .get(channel)
          .i32(phase.channelsPerBlock)
          .op("i32.add")
          .tee(channel)
          .i32(plan.channels)
          .op("i32.lt_s"),
    );
  };
  const layouts = layoutsOf(plan, frame.tables);
  frame.pushWorkspace(f);
  f.set(workspace);
  f.forRange(group, byItem ? 0 : from, byItem ? plan.groups : to, 1, () => {
    for (const layout of layouts) computePhase(layout);
  });
  return f;
}

function layoutsOf({ phases }: ConvolutionPlan, start: number): PhaseLayout[] {
  let at = start;
  return phases.map((phase) => {
    const tables = {} as Record<TableName, number>;
    for (const name of tableNames) {
      tables[name] = at;
      at += 4 * phase[name].length;
    }
    return { phase, ranges: rangesOf(phase), tables };
  });
}

/** How far numbers stand apart that do so evenly, else null. */
function spacing(numbers: readonly number[]): number | null {
  const step = numbers.length < 2 ? 0 : numbers[1]! - numbers[0]!;
  return numbers.every((n, i) => n === numbers[0]! + i * step) ? step : null;
}
