import type { DenseArray, Matrix, Stage } from "@amari/core/backend";
import { convolvePlainly } from "./convolution/plain.ts";
import { multiplyPlainly } from "./matmul/plain.ts";

/** A contraction or routine that is no function of the program's module. */
export type HostStage = Extract<Stage, { kind: "dot" | "convolution" | "routine" }>;

/** Computes a stage in JavaScript, on the memory where its buffers stand: contractions of integers, and routines. */
export function runOnHost(stage: HostStage, arrayOf: (buffer: number) => DenseArray): void {
  switch (stage.kind) {
    case "dot": {
      const { left, right, result, batch, m, n, k } = stage;
      const operand = ({ buffer, ...strides }: Matrix) => ({ ...strides, data: arrayOf(buffer).data });
      multiplyPlainly(operand(left), operand(right), operand(result), batch, m, n, k);
      return;
    }
    case "convolution": {
      const { step, input, window, result } = stage;
      const operands = [input, window].map((operand) => ({ ...arrayOf(operand.buffer), ...operand }));
      convolvePlainly(step, operands, arrayOf(result));
      return;
    }
    case "routine": {
      const { operation, attributes } = stage.step;
      const { kernel } = operation;
      if (kernel.kind !== "routine") throw new Error(`${operation.name} is no routine`);
      const outputs = stage.outputs.map(arrayOf);
      // Routines may rely on zeroed outputs, as fresh memory has.
      for (const { data } of outputs) data.fill(0);
      kernel.run(stage.inputs.map(arrayOf), attributes as never, outputs);
    }
  }
}
