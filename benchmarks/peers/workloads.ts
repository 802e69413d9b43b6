import { readFileSync } from "node:fs";
import type { Input } from "./values.ts";

/** What a peer's process is told to run. */
export interface Workload {
  readonly id: string;
  /** Which computation; a peer has one function for each. */
  readonly kind: Kind;
  /** The entry of workloads.json. */
  readonly sizes: Sizes;
  readonly inputs: Readonly<Record<string, Input>>;
  /** How far the peers' check values may lie apart, relative to their size. */
  readonly tolerance: number;
}

export type Kind =
  | "matmul"
  | "add"
  | "chain"
  | "sum"
  | "softmax"
  | "layernorm"
  | "conv"
  | "convGradient"
  | "mlp"
  | "transformer"
  | "adam";

/** The numbers of an entry of workloads.json, by their names there. */
export type Sizes = Readonly<Record<string, number>> & { readonly sizes?: readonly number[] };

const uniform = (seed: number, shape: readonly number[], scale = 1): Input => ({
  kind: "uniform",
  shape,
  seed,
  scale,
});
const constant = (value: number, shape: readonly number[]): Input => ({ kind: "constant", shape, value });
const classes = (seed: number, shape: readonly number[], n: number): Input => ({
  kind: "classes",
  shape,
  seed,
  classes: n,
});

/** Float32 sums in different orders agree to about this. */
const kernelTolerance = 1e-4;
/** Twenty steps of Adam amplify what rounding differs by. */
const lossTolerance = 2e-3;

interface Entry extends Record<string, unknown> {
  readonly id: string;
}

type Description = Pick<Workload, "kind" | "inputs" | "tolerance">;

const kernel = (kind: Kind, inputs: Readonly<Record<string, Input>>): Description => ({
  kind,
  inputs,
  tolerance: kernelTolerance,
});

const training = (kind: Kind, inputs: Readonly<Record<string, Input>>): Description => ({
  kind,
  inputs,
  tolerance: lossTolerance,
});

function perceptron({ sizes = [], ...rest }: Sizes): Record<string, Input> {
  const batch = rest["batch"]!;
  const weights = sizes.slice(1).flatMap((outputs, i) => {
    const inputs = sizes[i]!;
    return [
      [`w${i}`, uniform(10 + i, [inputs, outputs], 1 / Math.sqrt(inputs))] as const,
      [`b${i}`, constant(0, [outputs])] as const,
    ];
  });
  return {
    x: uniform(1, [batch, sizes[0]!]),
    y: classes(2, [batch], sizes.at(-1)!),
    ...Object.fromEntries(weights),
  };
}

function transformer(sizes: Sizes): Record<string, Input> {
  const { d, layers, ctx, batch, vocab, mlp } = sizes as Record<string, number> as Record<
    "d" | "layers" | "ctx" | "batch" | "vocab" | "mlp",
    number
  >;
  const scale = 1 / Math.sqrt(d);
  const block = (i: number): Record<string, Input> => ({
    [`norm1Scale${i}`]: constant(1, [d]),
    [`norm1Shift${i}`]: constant(0, [d]),
    [`qkv${i}`]: uniform(20 + 10 * i, [d, 3 * d], scale),
    [`out${i}`]: uniform(21 + 10 * i, [d, d], scale),
    [`norm2Scale${i}`]: constant(1, [d]),
    [`norm2Shift${i}`]: constant(0, [d]),
    [`up${i}`]: uniform(22 + 10 * i, [d, mlp * d], scale),
    [`upBias${i}`]: constant(0, [mlp * d]),
    [`down${i}`]: uniform(23 + 10 * i, [mlp * d, d], 1 / Math.sqrt(mlp * d)),
    [`downBias${i}`]: constant(0, [d]),
  });
  return {
    tokens: classes(1, [batch, ctx], vocab),
    targets: classes(2, [batch, ctx], vocab),
    tokenEmbedding: uniform(10, [vocab, d], 0.1),
    positionEmbedding: uniform(11, [ctx, d], 0.1),
    ...Object.assign({}, ...Array.from({ length: layers }, (_, i) => block(i))),
    normScale: constant(1, [d]),
    normShift: constant(0, [d]),
    head: uniform(12, [d, vocab], scale),
  };
}

function describe(group: string, { id }: Entry, sizes: Sizes): Description {
  const of = (...names: string[]): number[] => names.map((name) => sizes[name]!);
  switch (group) {
    case "matmul":
      return kernel("matmul", { a: uniform(1, of("m", "k")), b: uniform(2, of("k", "n")) });
    case "elementwise":
      return id.startsWith("ew.add")
        ? kernel("add", { x: uniform(1, of("n")), z: uniform(2, of("n")) })
        : kernel("chain", { x: uniform(1, of("n"), 2) });
    case "reduce": {
      const x = uniform(1, of("rows", "cols"));
      if (id.startsWith("sum")) return kernel("sum", { x });
      if (id.startsWith("softmax")) return kernel("softmax", { x: { ...x, scale: 4 } as Input });
      return kernel("layernorm", { x, scale: uniform(2, of("cols")), shift: uniform(3, of("cols")) });
    }
    case "conv":
      return kernel(id.endsWith("fwdbwd") ? "convGradient" : "conv", {
        x: uniform(1, of("n", "c", "h", "w")),
        w: uniform(2, of("oc", "c", "kh", "kw"), 0.1),
      });
    case "train":
      return id === "train.gpt"
        ? training("transformer", transformer(sizes))
        : training("mlp", perceptron(sizes));
    case "optim":
      return kernel("adam", { p: uniform(1, of("n")), g: uniform(2, of("n"), 0.01) });
    default:
      throw new Error(`workloads.json has a group ${group} that this command does not know`);
  }
}

/** All workloads of a file such as workloads.json, in its order. */
export function readWorkloads(file: URL = new URL("workloads.json", import.meta.url)): Workload[] {
  const json = JSON.parse(readFileSync(file, "utf8"));
  return Object.entries(json as Record<string, unknown>)
    .filter((group): group is [string, Entry[]] => Array.isArray(group[1]))
    .flatMap(([group, entries]) =>
      entries.map((entry) => {
        const sizes = { ...entry, ...(entry["opt"] as object) } as unknown as Sizes;
        return { id: entry.id, sizes, ...describe(group, entry, sizes) };
      }),
    );
}
