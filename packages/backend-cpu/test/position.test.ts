import { cpuBackend } from "@amari/backend-cpu";
import { operations, setDefaultBackend, type Tensor } from "@amari/core";
import { expect, it } from "vitest";
import { operandsOf } from "./special-operands.ts";

setDefaultBackend(cpuBackend());

const elementwise = [...operations.values()].filter(
  ({ primitive, cases }) => primitive?.kernel.kind === "elementwise" && cases.length > 0,
);

const length = 29;

const bitsOf = (x: Tensor): number[] => Array.from(x.dataSync());

for (const dtype of ["float32", "float64"] as const) {
  it.each(elementwise)(`$name of ${dtype} gives the same bits wherever an element stands`, (operation) => {
    const { call } = operation.cases[0]!;
    const operands = operandsOf(operation, dtype, length);
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
