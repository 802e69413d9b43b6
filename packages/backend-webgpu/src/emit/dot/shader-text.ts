import type { TableLayout } from "../table.ts";

/** What a shader is made of, around the statements of its main function. */
export interface ShaderParts {
  readonly lines: readonly string[];
  readonly table: TableLayout;
  readonly invocations: number;
  /** How the heap's words are read and written: one by one, or four at a time from multiples of four on. */
  readonly words?: "u32" | "vec4<u32>";
  /** Declarations of a workgroup's memory. */
  readonly shared?: readonly string[];
  /** The text of functions that are called. */
  readonly functions?: string;
  /** Whether invocations of a subgroup exchange values. */
  readonly subgroups?: boolean;
}

export const shaderText = ({
  lines,
  table,
  invocations,
  words = "u32",
  shared = [],
  functions = "",
  subgroups = false,
}: ShaderParts): string =>
  [
    ...(subgroups ? ["enable subgroups;"] : []),
    `@group(0) @binding(0) var<storage, read_write> heap: array<${words}>;`,
    `@group(0) @binding(1) var<uniform> table: array<vec4<u32>, ${Math.ceil(table.words / 4)}>;`,
    ...shared,
    ...(functions === "" ? [] : [functions]),
    `@compute @workgroup_size(${invocations})`,
    "fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {",
    ...lines.map((line) => `  ${line}`),
    "}",
    "",
  ].join("\n");
