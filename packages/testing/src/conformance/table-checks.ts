import { type Case, type Definition, type DType, type Tensor, tensor, vmap } from "@amari/core";
import { gradients } from "../fuzz/gradients.ts";
import type { TensorFunction } from "../fuzz/variants.ts";
import { isDifferentiable, resultsOf } from "../laws/law.ts";
import { combinations, valuesOf } from "../laws/special-values.ts";
import { operandDType, sampleCase, uniformFrom } from "../sample.ts";
import { type Check, inputsOf } from "./check.ts";

const batchSize = 3;

/** What an operation's row in the table asks of a backend: each case by itself, differentiated and mapped. */
export function* tableChecks(operation: Definition, float: DType, seed: number): Generator<Check> {
  const elementwise = operation.family === "elementwise";
  const composite = operation.primitive === null;
  const bound = { kind: "ulp", ulp: operation.ulp, elementwise, composite } as const;
  for (const [i, c] of operation.cases.entries()) {
    const uniform = uniformFrom(seed + i);
    const operands = sampleCase(c, uniform);
    const f: TensorFunction = (...x) => [...resultsOf(c, x)];
    const check = (what: string, given: readonly Tensor[], g: TensorFunction, b: Check["bound"]): Check => ({
      operation: operation.name,
      what: `${what}, case ${i}`,
      inputs: inputsOf(given, float),
      f: g,
      bound: b,
    });
    yield check("its value", operands, f, bound);
    const spread = { kind: "spread" } as const;
    const isSmooth = isDifferentiable(operation, c);
    if (isSmooth) yield check("its gradients", operands, gradients(f), spread);
    const batch = stacked(c, uniform);
    const mapped = vmap(f) as unknown as TensorFunction;
    yield check("vmap", batch, mapped, spread);
    if (isSmooth) yield check("its gradients under vmap", batch, gradients(mapped), spread);
  }
  if (elementwise && operation.primitive?.kernel.kind === "elementwise") {
    const { operands, call } = operation.cases[0]!;
    const types = operands.map(operandDType).map((dtype) => (dtype === "float64" ? float : dtype));
    const columns = combinations(types.map(valuesOf));
    yield {
      operation: operation.name,
      what: "NaN, infinities and zeros of both signs",
      inputs: columns.map((values, i) => ({ shape: [values.length], dtype: types[i]!, values })),
      f: (...x) => [call(...x) as Tensor],
      bound,
    };
  }
}

/** A few samples of each operand, stacked along a first axis. */
function stacked(c: Case, uniform: ReturnType<typeof uniformFrom>): Tensor[] {
  const examples = Array.from({ length: batchSize }, () => sampleCase(c, uniform));
  return c.operands.map((operand, i) => {
    const values = examples.flatMap((example) => Array.from(example[i]!.dataSync()));
    const { dtype } = examples[0]![i]!;
    return tensor(values, { shape: [batchSize, ...operand.shape], dtype }) as Tensor;
  });
}
