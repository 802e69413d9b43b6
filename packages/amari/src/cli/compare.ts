import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import {
  ComparisonError,
  type ComparisonOptions,
  compareBackends,
  exceededIn,
  failedIn,
} from "../compare/comparison.ts";
import { comparisonPage } from "../compare/page.ts";
import { backendHead, backendRows, trajectoryHead, trajectoryRows } from "../compare/summary.ts";
import type { Output } from "./io.ts";
import { progressFor } from "./progress.ts";
import { textTable } from "./table.ts";
import "../index.ts";

/**
 * Compares backends, prints the tables and writes the page and the numbers.
 *
 * @throws ComparisonError where an operation is beyond its stated error
 */
export async function runComparison(
  options: ComparisonOptions,
  pagePath: string,
  jsonPath: string,
  output: Output,
): Promise<void> {
  for (const path of [pagePath, jsonPath]) mkdirSync(dirname(path), { recursive: true });
  const comparison = await compareBackends(options, progressFor(output));
  writeFileSync(pagePath, comparisonPage(comparison));
  writeFileSync(jsonPath, `${JSON.stringify(comparison, null, 2)}\n`);
  for (const { name, about, missing } of comparison.backends)
    output.write(`${name}${missing ? " is missing" : ""}: ${about}`);
  output.write(`\n${textTable(backendHead, backendRows(comparison))}`);
  const runs = comparison.results.flatMap(trajectoryRows);
  if (runs.length > 0) {
    output.write("\nparameters while training, relative to those on the first backend");
    output.write(textTable(trajectoryHead, runs));
  }
  output.write(
    `\n${comparison.seconds.toFixed(1)} s. Where results differ, and the curves, are in the page:\n${pagePath}`,
  );
  output.write(`The numbers:\n${jsonPath}`);
  const wrong = [
    ...exceededIn(comparison).map(
      ({ operation, backend, ulp, bound, place }) =>
        `${operation} on ${backend}, ${ulp} ulp of ${bound} (${place})`,
    ),
    ...failedIn(comparison).map(
      ({ optimizer, backend, unsupported }) => `${optimizer} on ${backend} throws ${unsupported}`,
    ),
  ];
  if (wrong.length > 0) throw new ComparisonError(`beyond the stated error: ${wrong.join("; ")}`);
}
