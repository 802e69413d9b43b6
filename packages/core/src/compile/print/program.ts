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
  const parameters = runs(inputs.map(showType), 0);
  const given = runs(
    scalars.map((dtype, i) => (numbers[i] === undefined ? dtype : `${dtype} = ${numbers[i]}`)),
    inputs.length,
  );
  return [
    ...wrapped(
      `${label}(`,
      [parameters, given].filter((list) => list.length > 0),
      ")",
    ),
    ...steps.flatMap(stepLines).map(indent),
    `  return ${outputs.map(showSlot).join(", ")}`,
  ];
}

/** Slots with what is said of each; where it is the same for more than two in a row, once: `%1..%4: float32`. */
function runs(said: readonly string[], first: number): string[] {
  const list: string[] = [];
  for (let from = 0, to = 0; from < said.length; from = to) {
    while (to < said.length && said[to] === said[from]) to++;
    const slots = Array.from({ length: to - from }, (_, i) => showSlot(first + from + i));
    const names = slots.length > 2 ? [`${slots[0]}..${slots.at(-1)}`] : slots;
    list.push(...names.map((name) => `${name}: ${said[from]}`));
  }
  return list;
}

/** No line of parameters is longer than this, if it can be helped. */
const longestLine = 100;

/** Lists of parameters, a semicolon between them, on as many lines as they take. */
function wrapped(before: string, lists: readonly (readonly string[])[], after: string): string[] {
  const items = lists.flatMap((list, i) =>
    list.map((item, j) => {
      const isLast = i === lists.length - 1 && j === list.length - 1;
      return `${item}${isLast ? after : j === list.length - 1 ? ";" : ","}`;
    }),
  );
  const lines = [before];
  for (const item of items.length === 0 ? [after] : items) {
    const line = lines.at(-1)!;
    const isFirst = line.trim() === "" || line === before;
    if (isFirst || line.length + item.length < longestLine)
      lines[lines.length - 1] += isFirst ? item : ` ${item}`;
    else lines.push(`${" ".repeat(before.length)}${item}`);
  }
  return lines;
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
