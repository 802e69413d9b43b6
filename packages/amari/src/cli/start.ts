import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { getDefaultBackend } from "@amari/core";
import { reportPage } from "../report/page.ts";
import { summaryHead, summaryRows } from "../report/summary.ts";
import { runStudy, type Study, type StudyOptions } from "../study/study.ts";
import type { Output } from "./io.ts";
import { progressFor } from "./progress.ts";
import { textTable } from "./table.ts";
import "../index.ts";

/** Runs the study on the iris measurements, prints the table and writes the report. */
export async function runStart(options: StudyOptions, reportPath: string, output: Output): Promise<Study> {
  const start = performance.now();
  mkdirSync(dirname(reportPath), { recursive: true });
  closeSync(openSync(reportPath, "a")); // a path that cannot be written is found out before the work, not after it
  output.write(
    `Fisher's iris: two thirds to train on, ${options.steps} steps in float64 on the ${getDefaultBackend().name} backend, ` +
      `${options.contestants.length} optimizers, learning rates by grid, ${options.repetitions} seed${options.repetitions === 1 ? "" : "s"}.`,
  );
  const study = runStudy(options, progressFor(output));
  for (const result of study.results) {
    output.write(`\n${result.label}, ${result.parameterCount} parameters`);
    output.write(textTable(summaryHead(study), summaryRows(study, result)));
  }
  const seconds = (performance.now() - start) / 1000;
  writeFileSync(reportPath, reportPage(study, { seconds, backend: getDefaultBackend().name }));
  output.write(
    `\nlearning rates: the best training loss of a grid; * at an end of the grid. Loss: median over the seeds.` +
      `\n${((performance.now() - start) / 1000).toFixed(1)} s. The Fisher information, the directions and the curves are in the report:\n${reportPath}`,
  );
  return study;
}
