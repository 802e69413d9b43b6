import { increase, namedFunction, pushExtent, pushProduct } from "../matmul/emit.ts";
import type { VectorType } from "../matmul/vector-type.ts";
import type { ModuleBuilder } from "../wasm/module.ts";

/**
 * `gather(count, depth, source, stride, table, destination)`: packs `count` rows into panels of `width`, like `pack`,
 * where a table says how far each of their `depth` elements stands from the first. Sizes are in bytes.
 */
export function emitGather(module: ModuleBuilder, type: VectorType, width: number): number {
  const { f, parameters } = namedFunction(["count", "depth", "source", "stride", "table", "destination"]);
  const { count, depth, source, stride, table, destination } = parameters;
  const integer = () => f.local("i32");
  const [first, rows, k, row, from, entry] = [
    integer(),
    integer(),
    integer(),
    integer(),
    integer(),
    integer(),
  ];
  f.forRange(first, 0, count, width, () => {
    pushExtent(f, first, count, width).set(rows);
    f.get(rows)
      .i32(width)
      .op("i32.lt_s")
      .if(() => {
        f.get(destination).i32(0);
        pushProduct(f, depth, width * type.bytes).memoryFill();
      });
    f.get(table).set(entry);
    f.forRange(k, 0, depth, 1, () => {
      f.get(source).get(entry).memory("i32.load").op("i32.add").set(from);
      f.forRange(row, 0, rows, 1, () => {
        pushProduct(f, row, type.bytes).get(destination).op("i32.add");
        f.get(from).memory(type.load).memory(type.store);
        increase(f, from, stride);
      });
      increase(f, entry, 4);
      increase(f, destination, width * type.bytes);
    });
    pushProduct(f, stride, width).get(source).op("i32.add").set(source);
  });
  return module.add(f);
}
