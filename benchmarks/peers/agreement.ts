import type { Result } from "./run.ts";
import type { Workload } from "./workloads.ts";

/** Two peers whose numbers differ by more than a workload allows. */
export interface Disagreement {
  readonly workload: string;
  readonly message: string;
}

/**
 * Compares the check values of all peers with those of the first that has any. Values of kernels come in threes, led by
 * the sum of absolute values, which the difference is relative to; losses are relative to themselves.
 */
export function disagreements(workloads: readonly Workload[], results: readonly Result[]): Disagreement[] {
  return workloads.flatMap(({ id, kind, tolerance }) => {
    const [first, ...others] = results.filter(({ workload, check }) => workload === id && check.length > 0);
    if (first === undefined) return [];
    const isTraining = kind === "mlp" || kind === "transformer";
    const scaleOf = (i: number): number => Math.abs(first.check[isTraining ? i : i - (i % 3)]!);
    const broken = first.check.some((value) => !Number.isFinite(value));
    const differing = others.filter(
      ({ check }) =>
        check.length !== first.check.length ||
        check.some((value, i) => !(Math.abs(value - first.check[i]!) <= tolerance * scaleOf(i))),
    );
    const show = ({ peer, check }: Result): string =>
      `${peer} [${check.map((v) => v.toPrecision(7)).join(", ")}]`;
    return [
      ...(broken ? [{ workload: id, message: `not finite: ${show(first)}` }] : []),
      ...differing.map((other) => ({ workload: id, message: `${show(first)} but ${show(other)}` })),
    ];
  });
}
