import type { TensorType } from "../../operation.ts";
import type { Program, Step } from "../program.ts";

/**
 * A program as text, one step a line: `%3: float32[2, 3] = mul(%0, %2)`. Slots are numbered as in the program; what
 * stands behind the semicolon are the numbers that the caller hands over, or, in the body of a loop, what they are.
 */
export const printProgram = (program: Program): string => linesOf(program, "program", []).join("\n");

/** A type as text: `float32[2, 3]`; a scalar is its dtype. */
export const showType = ({ dtype, shape }: TensorType): string =>
  shape.length === 0 ? dtype : `${dtype}[${shape.join(", ")}]`;

function linesOf(program: Program, label: string, numbers: readonly number[]): string[] {
  const { inputs, scalars, steps, outputs } = program;
  const parameters = inputs.map((type, i) => `%${i}: ${showType(type)}`);
  const given = scalars.map((dtype, i) => {
    const number = numbers[i] === undefined ? "" : ` = ${numbers[i]}`;
    return `%${inputs.length + i}: ${dtype}${number}`;
  });
  const header = given.length === 0 ? parameters.join(", ") : `${parameters.join(", ")}; ${given.join(", ")}`;
  return [
    `${label}(${header.trimStart()})`,
    ...steps.flatMap(stepLines).map(indent),
    `  return ${outputs.map(showSlot).join(", ")}`,
  ];
}

function stepLines({ operation, attributes, inputs, output, outputs, bodies = [] }: Step): string[] {
  const results = outputs.map((type, i) => `${showSlot(output + i)}: ${showType(type)}`).join(", ");
  const shown = showAttributes(attributes);
  return [
    `${results} = ${operation.name}${shown}(${inputs.map(showSlot).join(", ")})`,
    ...bodies.flatMap(({ program, scalars }) => linesOf(program, "body", scalars)).map(indent),
  ];
}

const showSlot = (slot: number): string => `%${slot}`;

export const indent = (line: string): string => `  ${line}`;

/** Attributes as text, `{axes: [1]}`; functions among them as an ellipsis. */
function showAttributes(attributes: unknown): string {
  if (attributes === undefined || attributes === null) return "";
  if (typeof attributes === "function") return "…";
  if (Array.isArray(attributes)) return `[${attributes.map(showAttributes).join(", ")}]`;
  if (typeof attributes !== "object") return String(attributes as number | string | boolean);
  const entries = Object.entries(attributes).map(([key, value]) => `${key}: ${showAttributes(value)}`);
  return entries.length === 0 ? "" : `{${entries.join(", ")}}`;
}
