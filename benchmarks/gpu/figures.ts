import type { Result } from "../peers/run.ts";
import type { Kind, Workload } from "../peers/workloads.ts";
import type { Roof } from "./probes.ts";

/** What a workload is judged by, and how much of it is wanted. */
interface Measure {
  /** The limit that it runs into. */
  readonly of: "operations" | "bytes" | "stream";
  /** Wanted as a share of the limit. */
  readonly goal: number | null;
  /** What is wanted, in words. */
  readonly wish: string;
}

const bandwidth = (goal: number | null, what: string): Measure => ({
  of: "bytes",
  goal,
  wish: goal === null ? what : `${what} at ${100 * goal}% of the copy bandwidth`,
});

const measures: Readonly<Partial<Record<Kind, Measure>>> = {
  add: bandwidth(0.8, "fused elementwise"),
  chain: bandwidth(0.8, "fused elementwise"),
  adam: bandwidth(0.8, "the optimizer step"),
  conv: { of: "operations", goal: null, wish: "a convolution" },
  convGradient: { of: "operations", goal: null, wish: "a convolution and its gradients" },
  sum: bandwidth(null, "sums"),
  softmax: bandwidth(0.7, "softmax"),
  layernorm: bandwidth(0.7, "layer norm"),
  transformer: {
    of: "stream",
    goal: 0.9,
    wish: "a transformer's step 90% of whose time is kernels' when nobody waits for it",
  },
};

/** The size of matmul that has a goal. */
const judged = 4096;

function measureOf({ kind, sizes }: Workload): Measure | null {
  if (kind !== "matmul") return measures[kind] ?? null;
  if (sizes["bytes"] !== undefined) return bandwidth(null, "a vector times a matrix");
  const goal = sizes["n"] === judged ? 0.6 : null;
  return { of: "operations", goal, wish: `matmul of ${judged} at 60% of the float32 peak` };
}

/** All that is wanted, once each. */
export const wishes: readonly string[] = [
  `matmul of ${judged} at 60% of the float32 peak`,
  ...new Set(Object.values(measures).flatMap(({ goal, wish }) => (goal === null ? [] : [wish]))),
];

/** How a workload did on the device. */
export interface Figure {
  /** In units of a billion a second; null for a stream, which is a share by itself. */
  readonly rate: { readonly value: number; readonly unit: "GFLOP/s" | "GB/s" } | null;
  /** Of the limit. */
  readonly share: number;
  readonly goal: number | null;
}

/** Amari's figure, by its kernels' time; null where there is none. */
export function figureOf(workload: Workload, result: Result | undefined, roof: Roof): Figure | null {
  const measure = measureOf(workload);
  const device = result?.device ?? null;
  if (measure === null || device === null || device.kernels === 0) return null;
  const { of, goal } = measure;
  if (of === "stream") return { rate: null, share: device.kernels / device.stream, goal };
  const { m = 0, n = 0, k = 0, bytes = 0, flops = 2 * m * n * k } = workload.sizes as Record<string, number>;
  const amount = of === "bytes" ? bytes : flops;
  const perSecond = (1000 * amount) / device.kernels;
  return {
    rate: { value: perSecond / 1e9, unit: of === "bytes" ? "GB/s" : "GFLOP/s" },
    share: perSecond / roof[of],
    goal,
  };
}
