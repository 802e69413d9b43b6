import type { FunctionBuilder, Local } from "../wasm/function.ts";
import type { ValueType } from "../wasm/opcodes.ts";

/** What is done to the elements of c before they are stored: a bias, an activation. */
export interface Epilogue {
  /** The types of further parameters that the product takes and hands on to `emit`, such as the address of a bias. */
  readonly parameters: readonly ValueType[];
  /**
   * Writes instructions that transform `value`, a vector of c, in place. Its first element stands at `row` and `column`
   * of c, and the others follow in the row. At the edges some of them lie outside of c: what is computed for them is
   * thrown away, and what is read for them need only be readable.
   */
  emit(f: FunctionBuilder, value: Local, row: Local, column: Local, parameters: readonly Local[]): void;
}
