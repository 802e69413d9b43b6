import { type Definition, type Tensor, tensor } from "@amari/core";
import { reals } from "@amari/core/define";
import { sampleDomain, uniformFrom } from "@amari/testing";

const special = [Number.NaN, Infinity, -Infinity, 0, -0, 1, -1, 3e38, -3e38, 1e-45, 1e-40, 5e4, -5e4];
/** Operands of an elementwise operation's first case: numbers of its domain, larger ones, and special ones. */
export function operandsOf({ cases }: Definition, dtype: "float32" | "float64", length: number): Tensor[] {
  return cases[0]!.operands.map((operand, i) => {
    const uniform = uniformFrom(i + 1);
    const domain = operand.domain ?? reals(-2, 2);
    const isFloat = domain.kind === "real";
    const values = sampleDomain(domain, length, uniform);
    const mixed = values.map((x, at) => {
      if (!isFloat || at % 3 === 0) return x;
      return at % 3 === 1 ? x * 9 : special[Math.floor(uniform() * special.length)]!;
    });
    return tensor(mixed, {
      shape: [length],
      dtype: isFloat ? dtype : (operand.dtype ?? (domain.kind === "bool" ? "bool" : "int32")),
    }) as Tensor;
  });
}
