import { type Argument, type Input, isLocal, type RandomProgram, Reference } from "./random-program.ts";

/** How the function of a program is used, as code. */
export interface PrintOptions {
  /** The expression for the results, of `f` and the list `inputs`. Default: `f(...inputs)`. */
  readonly use?: string;
  /** What it needs from "amari" and from "@amari/testing". */
  readonly fromAmari?: readonly string[];
  readonly fromTesting?: readonly string[];
}

/** A program as a TypeScript module that runs when it is pasted, and prints its results. */
export function printProgram(
  { inputs, calls, outputs }: RandomProgram,
  { use = "f(...inputs)", fromAmari = [], fromTesting = [] }: PrintOptions = {},
): string {
  const callees = calls.map(({ callee }) => callee);
  const parameters = inputs.map((_, i) => `v${i}: Tensor`).join(", ");
  return [
    ...printImport("amari", [
      ...fromAmari,
      ...callees.filter((name) => !isLocal(name)),
      "tensor",
      "type Tensor",
    ]),
    ...printImport("@amari/testing", [...fromTesting, ...callees.filter(isLocal)]),
    "const inputs: Tensor[] = [",
    ...inputs.map((input) => `  ${printInput(input)},`),
    "];",
    `function f(${parameters}): Tensor[] {`,
    ...calls.map(
      ({ callee, args }, i) =>
        `  const v${inputs.length + i} = ${callee}(${args.map((argument) => print(argument)).join(", ")});`,
    ),
    `  return [${outputs.map((output) => `v${output}`).join(", ")}];`,
    "}",
    `for (const output of ${use}) console.log(output.dtype, output.shape, await output.data());`,
  ].join("\n");
}

const printImport = (from: string, names: readonly string[]): string[] =>
  names.length === 0 ? [] : [`import { ${[...new Set(names)].join(", ")} } from "${from}";`];

const printInput = ({ shape, dtype, values }: Input): string =>
  `tensor([${Array.from(values, printNumber).join(", ")}], { shape: [${shape.join(", ")}], dtype: "${dtype}" })`;

const printNumber = (x: number): string => (Object.is(x, -0) ? "-0" : String(x));

function print(argument: Argument): string {
  if (argument instanceof Reference) return `v${argument.value}`;
  if (typeof argument === "number") return printNumber(argument);
  if (Array.isArray(argument)) return `[${(argument as readonly Argument[]).map(print).join(", ")}]`;
  if (typeof argument !== "object" || argument === null) return JSON.stringify(argument);
  const entries = Object.entries(argument).map(([key, item]) => `${key}: ${print(item)}`);
  return `{ ${entries.join(", ")} }`;
}
