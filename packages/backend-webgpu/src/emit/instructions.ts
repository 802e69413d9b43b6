import type { Expression } from "@amari/core/backend";
import type { ShaderType } from "./literal.ts";

type InstructionNode = Extract<Expression, { kind: "instruction" }>;

/** One instruction of a kernel as WGSL; `use` names a function that it calls. */
export function instructionText(
  { instruction, operands, type }: InstructionNode,
  [x, y, z]: readonly string[],
  use: (name: string) => string,
): string {
  const from = operands[0]!.type as ShaderType;
  switch (instruction) {
    case "add":
      return `(${x} + ${y})`;
    case "sub":
      return `(${x} - ${y})`;
    case "mul":
      return `(${x} * ${y})`;
    case "div":
      return `(${x} / ${y})`;
    case "neg":
      return from === "u32" ? `(0u - ${x})` : `(-${x})`;
    case "abs":
      return from === "u32" ? x! : `abs(${x})`;
    case "sqrt":
    case "floor":
    case "ceil":
    case "trunc":
      return `${instruction}(${x})`;
    case "nearest":
      return `round(${x})`;
    case "min":
    case "max":
      return from === "f32" ? `${use(`${instruction}_f32`)}(${x}, ${y})` : `${instruction}(${x}, ${y})`;
    case "fma":
      return `fma(${x}, ${y}, ${z})`;
    case "eq":
    case "ne":
      // A compiler may take a float to be equal to itself.
      if (from === "f32" && operands[0] === operands[1])
        return instruction === "ne" ? `${use("is_nan")}(${x})` : `(!${use("is_nan")}(${x}))`;
      // Its != is false of NaN.
      if (from === "f32" && instruction === "ne") return `(!(${x} == ${y}))`;
      return `(${x} ${instruction === "eq" ? "==" : "!="} ${y})`;
    case "lt":
    case "le":
    case "gt":
    case "ge":
      return from === "bool" ? orderOfBools[instruction](x!, y!) : `(${x} ${orders[instruction]} ${y})`;
    case "and":
      return `(${x} & ${y})`;
    case "or":
      return `(${x} | ${y})`;
    case "xor":
      return from === "bool" ? `(${x} != ${y})` : `(${x} ^ ${y})`;
    case "not":
      return from === "bool" ? `(!${x})` : `(~${x})`;
    case "shl":
      return `(${x} << (${asUnsigned(y!, operands[1]!.type)} & 31u))`;
    case "shr": {
      const places = `(${asUnsigned(y!, operands[1]!.type)} & 31u)`;
      return from === "i32" ? `bitcast<i32>(bitcast<u32>(${x}) >> ${places})` : `(${x} >> ${places})`;
    }
    case "select":
    case "rarely":
      return `select(${z}, ${y}, ${x})`;
    case "convert":
      return conversion(x!, from, type as ShaderType, use);
    case "bits":
      return `bitcast<${type}>(${x})`;
  }
}

const orders = { lt: "<", le: "<=", gt: ">", ge: ">=" } as const;

/** False before true. */
const orderOfBools = {
  lt: (x: string, y: string) => `(!${x} & ${y})`,
  le: (x: string, y: string) => `(!${x} | ${y})`,
  gt: (x: string, y: string) => `(${x} & !${y})`,
  ge: (x: string, y: string) => `(${x} | !${y})`,
} as const;

const asUnsigned = (x: string, type: string): string => (type === "u32" ? x : `bitcast<u32>(${x})`);

/** A float becomes an integer modulo 2^32. */
function conversion(x: string, from: ShaderType, to: ShaderType, use: (name: string) => string): string {
  if (from === to) return x;
  if (to === "bool") return `(!(${x} == ${{ f32: "0.0f", i32: "0i", u32: "0u", bool: "false" }[from]}))`;
  if (from === "f32") {
    const wrapped = `${use("wrap_f32")}(${x})`;
    return to === "u32" ? wrapped : `bitcast<i32>(${wrapped})`;
  }
  return `${to}(${x})`;
}
