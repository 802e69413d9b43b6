import { sampleOperand, uniformFrom } from "@amari/testing";
import { type Case, operations as table } from "amari";
import { computed } from "../computed.ts";
import type { BenchmarkCase, BenchmarkSuite } from "../suite.ts";

const sizeOf = ({ operands }: Case): number =>
  operands.reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0);

const largest = (cases: readonly Case[]): Case =>
  cases.reduce((best, candidate) => (sizeOf(candidate) > sizeOf(best) ? candidate : best));

/** One row for each operation of the table, on the largest of the cases that its laws are generated from. */
export const operations: BenchmarkSuite = {
  name: "operations",
  about:
    "Every operation on the largest operands of its tests, which are small: what one call costs from end to end.",
  budget: { seconds: 0.04, samples: 5 },
  cases: () =>
    [...table.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((definition): BenchmarkCase => {
        const { operands, call } = largest(definition.cases);
        return {
          name: definition.name,
          prepare: () => {
            const uniform = uniformFrom(0);
            const tensors = operands.map((operand) => sampleOperand(operand, uniform).realise());
            return () => computed(call(...tensors));
          },
        };
      }),
};
