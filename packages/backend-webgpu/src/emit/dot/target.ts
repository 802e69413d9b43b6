import type { Code } from "./code.ts";

/** The types of numbers that are multiplied and added. */
export type ProductType = "f32" | "i32" | "u32";

/** Where a product goes. */
export interface Target {
  /** Whether four neighbours in a row are stored at a time. */
  readonly quads: boolean;
  /** Statements that find where the result begins, for the number `matrix`. */
  begin(code: Code): void;
  /**
   * Statements that find four columns from `column` on; names begin with `four`.
   *
   * @param isInside - whether all of them are columns of the matrix, here and in `has`
   */
  place(code: Code, four: string, column: string, isInside: boolean): void;
  /** Whether the column of number j of the four is part of the result; null: it is. */
  has(four: string, j: number, isInside: boolean): string | null;
  /** The address of that column in a row. */
  at(four: string, j: number, row: string): string;
}
