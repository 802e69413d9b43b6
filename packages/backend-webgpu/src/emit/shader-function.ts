import type { HeapCells } from "./heap-cells.ts";

/** A function of WGSL, written out only where it is used. */
export interface ShaderFunction {
  readonly text: string | ((traits: ShaderTraits) => string);
  readonly uses?: readonly string[];
}

/** Which of a device's own conversions from and to float16 are exact, with denormals, infinities and NaN. */
export interface Float16Traits {
  /** From float16 to float32. */
  readonly widens: boolean;
  /** To the nearest float16, halves to even. */
  readonly rounds: boolean;
}

/** For shaders that convert nothing, or with no conversion of the device. */
export const byBits: Float16Traits = { widens: false, rounds: false };

/** What the text of a function may depend on. */
export interface ShaderTraits {
  readonly cells: HeapCells;
  readonly float16: Float16Traits;
}
