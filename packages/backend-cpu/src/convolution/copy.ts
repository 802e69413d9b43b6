import { increase, namedFunction, pushAddress } from "../matmul/emit.ts";
import { type VectorType, vectorBytes } from "../matmul/vector-type.ts";
import type { Local } from "../wasm/function.ts";
import type { ModuleBuilder } from "../wasm/module.ts";

/** The bytes of an entry in a table of rows to copy: `from`, `to` and `count`. */
const entryBytes = 12;

const copyParameters = [
  "channels",
  "source",
  "channelStride",
  "step",
  "destination",
  "size",
  "rows",
  "table",
] as const;

/**
 * `copyPlaces(channels, source, channelStride, step, destination, size, rows, table)`: copies channels of one image, row
 * by row as a table says; elements that stand `step` apart come side by side. Copies of channels stand `size` apart.
 */
export function emitCopyPlaces(module: ModuleBuilder, type: VectorType): number {
  const { f, parameters } = namedFunction(copyParameters);
  const { step } = parameters;
  const [from, to, count] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const moveElements = (
    load: "v128.load" | VectorType["load"],
    store: "v128.store" | VectorType["store"],
  ) => {
    const elements = load === "v128.load" ? type.lanes : 1;
    const pushEnough = () => f.get(count).i32(elements).op("i32.ge_s");
    pushEnough().if(() => {
      f.doWhile(() => {
        f.get(to).get(from).memory(load).memory(store);
        increase(f, from, elements === 1 ? step : vectorBytes);
        increase(f, to, elements * type.bytes);
        increase(f, count, -elements);
      }, pushEnough);
    });
  };
  eachRow(f, parameters, ({ pushFrom, pushTo, pushCount }) => {
    pushFrom().set(from);
    pushTo().set(to);
    pushCount().set(count);
    f.get(step)
      .i32(type.bytes)
      .op("i32.eq")
      .if(() => moveElements("v128.load", "v128.store"));
    moveElements(type.load, type.store);
  });
  return module.add(f);
}

/**
 * `copyImages(images, imageStride, ...)`, the others as for `copyPlaces`: copies channels of several images, at most as
 * many as a tile has columns, so that the elements at one place stand side by side. `pack` packs panels of as many.
 */
export function emitCopyImages(module: ModuleBuilder, pack: number): number {
  const { f, parameters } = namedFunction(["images", "imageStride", ...copyParameters]);
  const { images, imageStride, step } = parameters;
  eachRow(f, parameters, ({ pushFrom, pushTo, pushCount }) => {
    f.get(images);
    pushCount();
    pushFrom().get(imageStride).get(step);
    pushTo().call(pack);
  });
  return module.add(f);
}

type Builder = ReturnType<typeof namedFunction>["f"];

/** Runs `body` for each row of each channel. */
function eachRow(
  f: Builder,
  parameters: Record<(typeof copyParameters)[number], Local>,
  body: (row: Record<"pushFrom" | "pushTo" | "pushCount", () => Builder>) => void,
): void {
  const { channels, source, channelStride, destination, size, rows, table } = parameters;
  const [channel, row, entry] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const pushField = (field: number) => f.get(entry).memory("i32.load", 4 * field);
  f.forRange(channel, 0, channels, 1, () => {
    f.get(table).set(entry);
    f.forRange(row, 0, rows, 1, () => {
      body({
        pushFrom: () => {
          pushAddress(f, source, [channel, channelStride]);
          return pushField(0).op("i32.add");
        },
        pushTo: () => {
          pushAddress(f, destination, [channel, size]);
          return pushField(1).op("i32.add");
        },
        pushCount: () => pushField(2),
      });
      increase(f, entry, entryBytes);
    });
  });
}
