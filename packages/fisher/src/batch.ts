import { type Tensor, vmap } from "@amari/core";

// `vmap` infers the shapes of batches; here no shape is known, so its result is given the plain type.

/** `vmap` of a function of one input. */
export const overInputs = <R>(f: (x: Tensor) => R): ((x: Tensor) => R) =>
  vmap(f as never) as unknown as (x: Tensor) => R;

/** `vmap` of a function of one input and one more tensor for it. */
export const overPairs = <R>(f: (x: Tensor, y: Tensor) => R): ((x: Tensor, y: Tensor) => R) =>
  vmap(f as never) as unknown as (x: Tensor, y: Tensor) => R;
