import { cpuBackend } from "@amari/backend-cpu";
import { type Definition, operations, setDefaultBackend, type Tensor, tensor } from "@amari/core";
import { reals } from "@amari/core/define";
import { sampleDomain, uniformFrom } from "@amari/testing";
import { expect, it } from "vitest";

setDefaultBackend(cpuBackend());

const elementwise = [...operations.values()].filter(
  ({ primitive, cases }) => primitive?.kernel.kind === "elementwise" && cases.length > 0,
);

const special = [Number.NaN, Infinity, -Infinity, 0, -0, 1, -1, 3e38, -3e38, 1e-45, 1e-40, 5e4, -5e4];
const length = 29;

/** Operands of the first case: numbers of its domain, larger ones, and special ones. */
function operandsOf({ cases }: Definition, dtype: "float32" | "float64"): Tensor[] {
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

const bitsOf = (x: Tensor): number[] => Array.from(x.dataSync());

for (const dtype of ["float32", "float64"] as const) {
  it.each(elementwise)(`$name of ${dtype} gives the same bits wherever an element stands`, (operation) => {
    const { call } = operation.cases[0]!;
    const operands = operandsOf(operation, dtype);
    const apply = (...x: Tensor[]) => bitsOf(call(...x) as Tensor);
    const whole = apply(...operands);
    for (const size of [1, 2, 3, 5, 7, 8]) {
      for (const start of [0, 1, 2, 3, length - size]) {
        const part = operands.map((x) => x.slice([start, start + size]).realise() as Tensor);
        expect(apply(...part), `${size} elements from ${start}`).toEqual(whole.slice(start, start + size));
      }
    }
    // Every second element of an array is no vector: this is scalar code.
    const spread = operands.map((x) => {
      const twice = x
        .reshape([length, 1])
        .broadcastTo([length, 2])
        .reshape([2 * length]);
      return twice.realise().slice([0, 2 * length, 2]) as Tensor;
    });
    expect(apply(...spread)).toEqual(whole);
  });
}
