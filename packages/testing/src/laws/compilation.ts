import { jit, type Tensor, vjp } from "@amari/core";
import { expectClose } from "../expect-close.ts";
import { sampleDirection } from "../sample.ts";
import { forSamples, type GeneratedLaw, isDifferentiable, resultsOf } from "./law.ts";

/** There is one compile-and-dispatch path, so that not a bit may differ. */
export const jitLaw: GeneratedLaw = {
  name: "jit equals eager, bit for bit",
  appliesTo: ({ cases }) => cases.length > 0,
  check: (operation, options = {}) =>
    forSamples(
      operation,
      options,
      () => true,
      ({ case: c, operands, uniform, what }) => {
        const call = (...x: Tensor[]): Tensor[] => [...resultsOf(c, x)];
        const eager = call(...operands);
        const compiled = jit(call);
        const bits = { signedZeros: true };
        expectClose(compiled(...operands), eager, { ...bits, what: `${what}: jit` });
        expectClose(compiled(...operands), eager, { ...bits, what: `${what}: the second call of jit` });
        if (!isDifferentiable(operation, c)) return;
        const chosen = operands.filter(({ dtype }) => dtype === "float64");
        const pull = (x: readonly Tensor[], u: readonly Tensor[]): Tensor[] => {
          let next = 0;
          const f = (...y: Tensor[]) =>
            call(...operands.map((operand) => (operand.dtype === "float64" ? y[next++]! : operand))).filter(
              ({ dtype }) => dtype === "float64",
            );
          return vjp(f, ...x)[1]([...u]);
        };
        const u = eager.filter(({ dtype }) => dtype === "float64").map((y) => sampleDirection(y, uniform));
        expectClose(jit(pull)(chosen, u), pull(chosen, u), { ...bits, what: `${what}: jit of the vjp` });
      },
    ),
};
