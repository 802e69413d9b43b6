import type { FunctionBuilder, Local } from "../wasm/function.ts";
import type { ModuleBuilder } from "../wasm/module.ts";
import { increase, namedFunction, pushProduct } from "./emit.ts";
import { emitTranspose } from "./transpose.ts";
import { type VectorType, vectorBytes } from "./vector-type.ts";

/**
 * `pack(count, depth, source, stride, depthStride, destination)` copies `count` vectors of length `depth` into panels
 * of `width`: each panel holds, for every k, the `width` elements that a micro-kernel reads together. The rows of a and
 * the columns of b are packed alike. Strides are in bytes; the last panel is filled up with zeros.
 */
export function emitPack(module: ModuleBuilder, type: VectorType, width: number): number {
  const { f, parameters } = namedFunction([
    "count",
    "depth",
    "source",
    "stride",
    "depthStride",
    "destination",
  ]);
  const { count, depth, source, stride, depthStride, destination } = parameters;
  const first = f.local("i32");
  const panel: Panel = { k: f.local("i32"), from: f.local("i32"), to: f.local("i32"), ...parameters };
  f.get(stride).i32(type.bytes).op("i32.eq");
  f.if(() => emitSideBySide(f, type, width, panel, parameters));
  f.forRange(first, 0, count, width, () => {
    f.i32(0).set(panel.k).get(source).set(panel.from).get(destination).set(panel.to);
    f.get(count).get(first).op("i32.sub").i32(width).op("i32.ge_s");
    f.if(
      () => {
        f.get(stride).i32(type.bytes).op("i32.eq");
        f.if(
          () => emitContiguous(f, width * type.bytes, panel),
          () => {
            f.get(depthStride).i32(type.bytes).op("i32.eq");
            f.if(() => emitTransposed(f, type, width, panel));
            emitGathered(f, type, width, panel);
          },
        );
      },
      () => emitPartial(f, type, width, panel, first, count),
    );
    pushProduct(f, stride, width).get(source).op("i32.add").set(source);
    pushProduct(f, depth, width * type.bytes)
      .get(destination)
      .op("i32.add")
      .set(destination);
  });
  return module.add(f);
}

/** A panel while it is packed, one k after the other. */
interface Panel {
  readonly depth: Local;
  readonly stride: Local;
  readonly depthStride: Local;
  readonly k: Local;
  /** The element of the first vector at k. */
  readonly from: Local;
  /** The place of k in the panel. */
  readonly to: Local;
}

/** Runs `body` for each k that is left, `step` at a time. */
function eachK(f: FunctionBuilder, panel: Panel, step: number, panelBytes: number, body: () => void): void {
  const { depth, depthStride, k, from, to } = panel;
  const enough = () => f.get(depth).get(k).op("i32.sub").i32(step).op("i32.ge_s");
  enough();
  f.if(() => {
    f.doWhile(() => {
      body();
      increase(f, k, step);
      pushProduct(f, depthStride, step).get(from).op("i32.add").set(from);
      increase(f, to, step * panelBytes);
    }, enough);
  });
}

/** The elements of each k lie side by side. */
function emitContiguous(f: FunctionBuilder, panelBytes: number, panel: Panel): void {
  eachK(f, panel, 1, panelBytes, () => copyRun(f, panelBytes, panel.from, panel.to));
}

/** So many panels are filled together where the elements of each k lie side by side. */
const panelsAtOnce = 4;

/**
 * Fills panels from elements that lie side by side for each k, several at once as long as there are enough: a panel alone
 * would read a part of a cache line at each k, and have the rest of it evicted before the next panel comes for it, as rows
 * that are a power of two apart fall on the same few places of a cache. Moves on to what is left.
 */
function emitSideBySide(
  f: FunctionBuilder,
  type: VectorType,
  width: number,
  panel: Panel,
  { count, source, destination }: Record<"count" | "source" | "destination", Local>,
): void {
  const panelBytes = width * type.bytes;
  const size = f.local("i32");
  const places = [panel.to, ...Array.from({ length: panelsAtOnce - 1 }, () => f.local("i32"))];
  const enough = () =>
    f
      .get(count)
      .i32(panelsAtOnce * width)
      .op("i32.ge_s");
  pushProduct(f, panel.depth, panelBytes).set(size);
  enough();
  f.if(() => {
    f.doWhile(() => {
      f.i32(0).set(panel.k).get(source).set(panel.from);
      for (const place of places)
        f.get(destination).set(place).get(destination).get(size).op("i32.add").set(destination);
      eachK(f, panel, 1, panelBytes, () => {
        places.forEach((place, i) => {
          copyRun(f, panelBytes, panel.from, place, i * panelBytes);
          if (place !== panel.to) increase(f, place, panelBytes);
        });
      });
      increase(f, source, panelsAtOnce * panelBytes);
      increase(f, count, -panelsAtOnce * width);
    }, enough);
  });
  for (const local of [size, ...places.slice(1)]) f.release(local);
}

/** Copies so many bytes. */
function copyRun(f: FunctionBuilder, bytes: number, from: Local, to: Local, begin = 0): void {
  for (let offset = 0; offset < bytes; ) {
    // A load and store of eight bytes moves any bits unchanged, two float32 as well as one float64.
    const [load, store, size] =
      bytes - offset >= vectorBytes
        ? (["v128.load", "v128.store", vectorBytes] as const)
        : bytes - offset >= 8
          ? (["f64.load", "f64.store", 8] as const)
          : (["f32.load", "f32.store", 4] as const);
    f.get(to)
      .get(from)
      .memory(load, begin + offset)
      .memory(store, offset);
    offset += size;
  }
}

/** The elements of each vector lie side by side: squares are transposed in registers, and a rest of k is left over. */
function emitTransposed(f: FunctionBuilder, type: VectorType, width: number, panel: Panel): void {
  const { bytes, lanes, load, store } = type;
  const row = f.local("i32");
  const square = Array.from({ length: lanes }, () => f.local("v128"));
  eachK(f, panel, lanes, width * bytes, () => {
    f.get(panel.from).set(row);
    let index = 0;
    for (; index + lanes <= width; index += lanes) {
      for (const vector of square) {
        f.get(row).memory("v128.load").set(vector);
        increase(f, row, panel.stride);
      }
      emitTranspose(f, square);
      square.forEach((vector, k) => {
        f.get(panel.to)
          .get(vector)
          .memory("v128.store", (k * width + index) * bytes);
      });
    }
    for (; index < width; index++) {
      for (let k = 0; k < lanes; k++) {
        f.get(panel.to)
          .get(row)
          .memory(load, k * bytes)
          .memory(store, (k * width + index) * bytes);
      }
      increase(f, row, panel.stride);
    }
  });
  f.release(row);
  for (const vector of square) f.release(vector);
}

/** The elements lie anywhere. */
function emitGathered(
  f: FunctionBuilder,
  { bytes, load, store }: VectorType,
  width: number,
  panel: Panel,
): void {
  const element = f.local("i32");
  eachK(f, panel, 1, width * bytes, () => {
    f.get(panel.from).set(element);
    for (let index = 0; index < width; index++) {
      if (index > 0) increase(f, element, panel.stride);
      f.get(panel.to)
        .get(element)
        .memory(load)
        .memory(store, index * bytes);
    }
  });
  f.release(element);
}

/** There are fewer than `width` vectors left. */
function emitPartial(
  f: FunctionBuilder,
  { bytes, load, store }: VectorType,
  width: number,
  panel: Panel,
  first: Local,
  count: Local,
): void {
  const [index, element, place] = [f.local("i32"), f.local("i32"), f.local("i32")];
  f.get(panel.to).i32(0);
  pushProduct(f, panel.depth, width * bytes).memoryFill();
  eachK(f, panel, 1, width * bytes, () => {
    f.get(panel.from).set(element).get(panel.to).set(place);
    f.forRange(index, first, count, 1, () => {
      f.get(place).get(element).memory(load).memory(store);
      increase(f, element, panel.stride);
      increase(f, place, bytes);
    });
  });
  for (const local of [index, element, place]) f.release(local);
}
