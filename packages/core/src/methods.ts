import { hasMethod } from "./define/definition.ts";
import * as activations from "./ops/activations.ts";
import * as arithmetic from "./ops/arithmetic.ts";
import * as contraction from "./ops/contraction.ts";
import * as convolution from "./ops/convolution.ts";
import * as cumulative from "./ops/cumulative.ts";
import * as exponential from "./ops/exponential.ts";
import * as identity from "./ops/identity.ts";
import * as indexing from "./ops/indexing.ts";
import * as linearAlgebra from "./ops/linear-algebra.ts";
import * as logic from "./ops/logic.ts";
import * as normalisation from "./ops/normalisation.ts";
import * as pooling from "./ops/pooling.ts";
import * as reductions from "./ops/reductions.ts";
import * as sorting from "./ops/sorting.ts";
import * as special from "./ops/special.ts";
import * as trigonometric from "./ops/trigonometric.ts";
import * as views from "./ops/views.ts";
import * as windows from "./ops/windows.ts";
import type { Shape } from "./shape-types.ts";
import { Tensor } from "./tensor.ts";

// Every operation of these files becomes a method of Tensor: at run time by the loop, for the compiler by the mapped
// types. Adding an operation to a file adds its method; nothing is listed by name.

const families = [
  activations,
  arithmetic,
  contraction,
  convolution,
  cumulative,
  exponential,
  identity,
  indexing,
  linearAlgebra,
  logic,
  normalisation,
  pooling,
  reductions,
  sorting,
  special,
  trigonometric,
  views,
  windows,
];

for (const family of families) {
  for (const [name, operation] of Object.entries(family as Record<string, unknown>)) {
    if (hasMethod(operation))
      Object.defineProperty(Tensor.prototype, name, { value: operation.method, writable: true });
  }
}

/**
 * The methods of a family's operations. It asks only which keys there are: a conditional on the type of an operation
 * would compare tensors, whose members are what is being defined here.
 */
type MethodsOf<Family> = {
  [Name in keyof Family as "method" extends keyof Family[Name] ? Name : never]: Family[Name]["method" &
    keyof Family[Name]];
};

declare module "./tensor.ts" {
  interface Tensor<S extends Shape = Shape>
    extends MethodsOf<typeof activations>,
      MethodsOf<typeof arithmetic>,
      MethodsOf<typeof contraction>,
      MethodsOf<typeof convolution>,
      MethodsOf<typeof cumulative>,
      MethodsOf<typeof exponential>,
      MethodsOf<typeof identity>,
      MethodsOf<typeof indexing>,
      MethodsOf<typeof linearAlgebra>,
      MethodsOf<typeof logic>,
      MethodsOf<typeof normalisation>,
      MethodsOf<typeof pooling>,
      MethodsOf<typeof reductions>,
      MethodsOf<typeof sorting>,
      MethodsOf<typeof special>,
      MethodsOf<typeof trigonometric>,
      MethodsOf<typeof views>,
      MethodsOf<typeof windows> {}
}
