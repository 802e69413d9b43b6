import { referenceBackend } from "@amari/backend-reference";
import { setDefaultBackend, type Tensor, tensor } from "@amari/core";

// Imported for its effect: exact mathematics on the reference backend.
setDefaultBackend(referenceBackend());

export type Matrix = readonly (readonly number[])[];

/** A float64 tensor of numbers, rows or matrices. */
export const f64 = (data: number | readonly number[] | Matrix | readonly Matrix[]): Tensor =>
  tensor(data as number[], { dtype: "float64" });

/** The elements of a tensor, row-major. */
export const values = (x: Tensor): number[] => [...x.dataSync()];
