import type { HeapCells } from "./heap-cells.ts";

/** A function of WGSL, written out only where it is used. */
export interface ShaderFunction {
  readonly text: string | ((traits: ShaderTraits) => string);
  readonly uses?: readonly string[];
}

/** What the text of a function may depend on. */
export interface ShaderTraits {
  readonly cells: HeapCells;
  /** Whether the device's own conversions from and to float16 are exact, see `device/probe.ts`. */
  readonly convertsFloat16: boolean;
}
