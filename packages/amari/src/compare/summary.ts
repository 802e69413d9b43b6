import { figures } from "../report/format.ts";
import type { Comparison, ComparisonOfDType } from "./comparison.ts";
import type { OperationRow } from "./operations.ts";

/** Head of {@link backendRows}. */
export const backendHead: readonly string[] = [
  "backend",
  "dtype",
  "operations",
  "bit for bit",
  "worst of its bound",
  "by",
  "beyond",
  "unsupported",
  "ms",
];

/** A row for each backend and dtype: how its operations did. */
export const backendRows = ({ backends, results }: Comparison): string[][] =>
  results.flatMap(({ dtype, operations }) =>
    backends
      .filter(({ missing }) => !missing)
      .map(({ name }) => {
        const rows = operations.filter(({ backend }) => backend === name);
        const run = rows.filter(({ unsupported }) => unsupported === null);
        const worst = run.reduce<OperationRow | null>(
          (most, row) => (most === null || row.share > most.share ? row : most),
          null,
        );
        return [
          name,
          dtype,
          String(rows.length),
          String(run.filter(({ ulp }) => ulp === 0).length),
          worst === null ? "-" : figures(worst.share),
          worst === null ? "-" : worst.operation,
          String(run.filter(({ exceeded }) => exceeded).length),
          String(rows.length - run.length),
          run.reduce((sum, { milliseconds }) => sum + milliseconds, 0).toFixed(0),
        ];
      }),
  );

/** Head of {@link trajectoryRows}. */
export const trajectoryHead: readonly string[] = [
  "optimizer",
  "backend",
  "dtype",
  "after 1 step",
  "after half",
  "in the end",
  "last loss",
  "ms a step",
  "MiB held",
];

/** A row for each training run: how far it is from the first backend's. */
export const trajectoryRows = ({ dtype, trajectories }: ComparisonOfDType): string[][] =>
  trajectories.map(
    ({ optimizer, backend, divergence, losses, milliseconds, memory, unsupported, failed }) => {
      if (unsupported !== null)
        return [optimizer, backend, dtype, failed ? "failed" : "unsupported", "-", "-", "-", "-", "-"];
      const at = (index: number) => figures(divergence[index] ?? 0);
      return [
        optimizer,
        backend,
        dtype,
        at(0),
        at(Math.floor(divergence.length / 2)),
        at(divergence.length - 1),
        (losses.at(-1) ?? 0).toFixed(6),
        milliseconds.toFixed(2),
        memory === null ? "-" : (memory / 2 ** 20).toFixed(1),
      ];
    },
  );
