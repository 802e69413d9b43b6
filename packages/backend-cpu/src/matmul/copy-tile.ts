import type { Local } from "../wasm/function.ts";
import type { ModuleBuilder } from "../wasm/module.ts";
import { increase, namedFunction, pushAddress } from "./emit.ts";
import type { VectorType } from "./vector-type.ts";

/** `copy(rows, columns, from, fromStride, to, toStride)`: the part of a tile that lies inside of c. */
export function emitCopyTile(module: ModuleBuilder, { bytes, load, store }: VectorType): number {
  const { f, parameters } = namedFunction(["rows", "columns", "from", "fromStride", "to", "toStride"]);
  const { rows, columns, from, fromStride, to, toStride } = parameters;
  const [i, j] = [f.local("i32"), f.local("i32")];
  const pushElement = (base: Local) => pushAddress(f, base, [j, bytes]);
  f.forRange(i, 0, rows, 1, () => {
    f.forRange(j, 0, columns, 1, () => {
      pushElement(to);
      pushElement(from).memory(load).memory(store);
    });
    increase(f, from, fromStride);
    increase(f, to, toStride);
  });
  return module.add(f);
}
