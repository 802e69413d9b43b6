import { stridesOf } from "../shape.ts";
import type { Shape } from "../shape-types.ts";
import type { IndexMap } from "./affine.ts";
import type { Affine, Expression, Phase, Shift } from "./kernel.ts";
import { KernelBuilder } from "./kernel-builder.ts";

/** A loop kernel while it is being written. */
export interface OpenKernel {
  readonly loops: readonly number[];
  /** The loops that it folds over. */
  readonly reductions: readonly number[];
  /** Indices that are computed, which maps see as further loops: how many values each has, and its value. */
  readonly computed: { readonly extent: number; readonly index: Expression }[];
  readonly builder: KernelBuilder;
  /** The index maps that values are read at; equal ones are one object. */
  readonly maps: Map<string, IndexMap>;
  /** What has been traced, by index map and slot: a shared value is written once, however many paths lead to it. */
  readonly traced: Map<IndexMap, Map<number, Expression>>;
}

export const openKernel = (loops: readonly number[], reductions: readonly number[]): OpenKernel => ({
  loops,
  reductions,
  computed: [],
  builder: new KernelBuilder(),
  maps: new Map(),
  traced: new Map(),
});

/** Of the loops that index maps know of. */
export const extentsIn = ({ loops, reductions, computed }: OpenKernel): number[] => [
  ...loops,
  ...reductions,
  ...computed.map(({ extent }) => extent),
];

/** Where a place stands as far as the loops move it, and what computed indices add. */
export function splitComputed(
  { offset, strides }: Affine,
  { loops, reductions, computed, builder: k }: OpenKernel,
): { readonly access: Affine; readonly shift: Shift | undefined } {
  const count = loops.length + reductions.length;
  const access = { offset, strides: strides.slice(0, count) };
  const terms = computed.flatMap(({ index }, i): Shift[] => {
    const stride = strides[count + i] ?? 0;
    return stride === 0 ? [] : [{ by: index, stride }];
  });
  if (terms.length < 2) return { access, shift: terms[0] };
  const products = terms.map(({ by, stride }) => k.mul(by, k.constant(stride, "i32")));
  return { access, shift: { by: products.reduce((sum, term) => k.add(sum, term)), stride: 1 } };
}

/** An index as a value. */
export function indexAt(place: Affine, kernel: OpenKernel): Expression {
  const { builder: k } = kernel;
  const { access, shift } = splitComputed(place, kernel);
  const index = k.index(access);
  return shift === undefined ? index : k.add(index, k.mul(shift.by, k.constant(shift.stride, "i32")));
}

export function sharedMap(map: IndexMap, { maps }: OpenKernel): IndexMap {
  const key = map.map(({ offset, strides }) => `${offset}+${strides.join()}`).join(";");
  const known = maps.get(key);
  if (known === undefined) maps.set(key, map);
  return known ?? map;
}

/** The axes that have a loop: those of extent 1 need none. */
export const longAxes = (shape: Shape): number[] =>
  shape.map((_, axis) => axis).filter((axis) => shape[axis] !== 1);

export const extentsOf = (shape: Shape, axes: readonly number[]): number[] =>
  axes.map((axis) => shape[axis]!);

/** Reads a value at the loops, each of which runs along one of the axes. */
export const mapOver = (shape: Shape, axes: readonly number[], kernel: OpenKernel): IndexMap =>
  sharedMap(
    shape.map((_, axis) => ({ offset: 0, strides: axes.map((other) => Number(other === axis)) })),
    kernel,
  );

/** A phase that writes one value of a dense buffer whose long axes are the loops. */
export const storing = (buffer: number, loops: Shape, value: Expression): Phase => ({
  loops: [],
  accumulators: [],
  stores: [{ buffer, access: { offset: 0, strides: stridesOf(loops) }, value }],
});
