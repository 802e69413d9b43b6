import { referenceBackend } from "@amari/backend-reference";
import { type Nested, setDefaultBackend, type Tensor, tensor } from "@amari/core";

setDefaultBackend(referenceBackend());

/** A float64 tensor, of a shape that the compiler does not follow. */
export const f64 = (data: Nested): Tensor =>
  tensor(data as readonly number[], { dtype: "float64" }) as Tensor;

/** An int32 tensor, likewise. */
export const i32 = (data: Nested): Tensor => tensor(data as readonly number[], { dtype: "int32" }) as Tensor;
