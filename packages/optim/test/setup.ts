import { referenceBackend } from "@amari/backend-reference";
import { setDefaultBackend, type Tensor, tensor } from "@amari/core";

// Imported for its effect: exact mathematics on the reference backend.
setDefaultBackend(referenceBackend());

export type Matrix = readonly (readonly number[])[];

export type Nested = number | readonly Nested[];

/** A float64 tensor of a number, or of nested arrays. */
export const f64 = (data: Nested): Tensor => tensor(data as number[], { dtype: "float64" });

/** The elements of a tensor, row-major. */
export const values = (x: Tensor): number[] => Array.from(x.dataSync());
