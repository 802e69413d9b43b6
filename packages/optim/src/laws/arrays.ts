import { type Tensor, tensor } from "@amari/core";

/** The rows of a matrix. */
export type Matrix = readonly (readonly number[])[];

/** A number, or nested arrays of numbers. */
export type Nested = number | readonly Nested[];

/** A float64 tensor of a number, or of nested arrays: laws that are exact need the exact mathematics of float64. */
export const f64 = (data: Nested): Tensor => tensor(data as number[], { dtype: "float64" });

/** The elements of a tensor, row-major. */
export const values = (x: Tensor): number[] => Array.from(x.dataSync());
