import { type Case, type Definition, grad, type Tensor } from "@amari/core";
import { checkJvp, checkSecondOrder, checkVjp } from "../check-grads.ts";
import { expectClose } from "../expect-close.ts";
import { forSamples, type GeneratedLaw, isDifferentiable, isFloat, resultsOf, typesOf } from "./law.ts";

const hasDerivative = (operation: Definition): boolean =>
  operation.cases.some((c) => isDifferentiable(operation, c));

/** A law that one of the gradient checks states. */
const gradientLaw = (name: string, check: typeof checkJvp): GeneratedLaw => ({
  name,
  appliesTo: hasDerivative,
  check: (operation, options = {}) =>
    forSamples(
      operation,
      options,
      (c) => isDifferentiable(operation, c),
      ({ case: c, operands, seed, what }) => check(c.call, [...operands], { seed, what, conditioning: 256 }),
    ),
});

export const jvpLaw: GeneratedLaw = gradientLaw("jvp equals finite differences", checkJvp);

export const vjpLaw: GeneratedLaw = gradientLaw("vjp is the adjoint of jvp", checkVjp);

export const secondOrderLaw: GeneratedLaw = gradientLaw(
  "second derivatives agree likewise",
  checkSecondOrder,
);

const isConstant = (operation: Definition, c: Case): boolean =>
  operation.notDifferentiable !== null || typesOf(c).every((result) => !isFloat(result));

/**
 * Where an operation leaves the reals, or is a constant by definition, the derivative through it is zero and asking for
 * it is no error. The operands are conversions of float64 variables, so that integer operations are covered too.
 */
export const zeroGradientLaw: GeneratedLaw = {
  name: "its gradient is zero and no error",
  appliesTo: (operation) => operation.cases.some((c) => isConstant(operation, c)),
  check: (operation, options = {}) =>
    forSamples(
      operation,
      options,
      (c) => isConstant(operation, c),
      ({ case: c, operands, what }) => {
        const f = (variables: Tensor[]): Tensor => {
          const converted = variables.map((x, i) => x.astype(operands[i]!.dtype) as Tensor);
          return resultsOf(c, converted)
            .map((result) => result.astype("float64").sum() as Tensor)
            .reduce((sum, term) => sum.add(term));
        };
        const gradients = grad(f as (variables: Tensor[]) => Tensor<[]>)(
          operands.map((x) => x.astype("float64") as Tensor),
        );
        gradients.forEach((gradient, i) => {
          expectClose(gradient, operands[i]!.astype("float64").mul(0), { what: `${what}: the gradient` });
        });
      },
    ),
};
