import type { Operation, TensorType } from "../operation.ts";
import type { Program, Step } from "./program.ts";

/** The number as it is, in the dtype of the result. */
const conversion: Operation = {
  name: "astype",
  kernel: { kind: "elementwise", scalar: () => (x) => x!, lower: () => (_, x) => x },
};

/**
 * Computes products, convolutions and routines of float16 in float32, between conversions: their sums are rounded at the
 * end anyway. Elementwise operations need none, since kernels convert what they load.
 *
 * @param dotsLoadFloat16 - whether products of matrices convert what they load, too
 */
export function widenContractions(program: Program, dotsLoadFloat16: boolean): Program {
  const slots: TensorType[] = [...program.slots];
  const steps: Step[] = [];
  const convert = (from: number, to: number): void => {
    const type = slots[to]!;
    steps.push({
      operation: conversion,
      attributes: type.dtype,
      inputs: [from],
      output: to,
      outputs: [type],
    });
  };
  const widened = new Map<number, number>();
  const widen = (slot: number): number => {
    if (!isFloat16(slots[slot]!)) return slot;
    let wide = widened.get(slot);
    if (wide === undefined) {
      wide = slots.push(inFloat32(slots[slot]!)) - 1;
      widened.set(slot, wide);
      convert(slot, wide);
    }
    return wide;
  };
  for (const step of program.steps) {
    if (isWhole(step) && [...step.inputs.map((slot) => slots[slot]!), ...step.outputs].some(isFloat16)) {
      const loads = dotsLoadFloat16 && step.operation.kernel.kind === "dot";
      const inputs = loads ? step.inputs : step.inputs.map(widen);
      const output = slots.length;
      const outputs = step.outputs.map(inFloat32);
      slots.push(...outputs);
      steps.push({ ...step, inputs, output, outputs });
      outputs.forEach((_, i) => {
        convert(output + i, step.output + i);
      });
    } else steps.push(step);
  }
  return { ...program, steps, slots };
}

const isWhole = ({ operation: { kernel } }: Step): boolean =>
  kernel.kind === "dot" || kernel.kind === "convolution" || kernel.kind === "routine";

const isFloat16 = ({ dtype }: TensorType): boolean => dtype === "float16";

const inFloat32 = (type: TensorType): TensorType => (isFloat16(type) ? { ...type, dtype: "float32" } : type);
