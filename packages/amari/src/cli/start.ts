import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type Opened, openBackend } from "../backends.ts";
import { reportPage } from "../report/page.ts";
import { summaryHead, summaryRows } from "../report/summary.ts";
import { type Places, placeOn } from "../study/places.ts";
import { runStudy, type Study, type StudyOptions } from "../study/study.ts";
import type { Output } from "./io.ts";
import { progressFor } from "./progress.ts";
import { textTable } from "./table.ts";
import "../index.ts";

/** What the main job is asked to do: the study, on a backend by name. */
export interface StartOptions extends Omit<StudyOptions, "places"> {
  readonly backend: string;
}

/**
 * Runs the study on the iris measurements, prints the table and writes the report.
 *
 * @throws BackendError where this machine does not have the backend, which says what to install
 */
export async function runStart(options: StartOptions, reportPath: string, output: Output): Promise<Study> {
  const start = performance.now();
  const trained = await openBackend(options.backend);
  const exact = canBeExact(trained) ? trained : await openBackend("cpu");
  const places: Places = { training: placeOn(trained.backend), exact: placeOn(exact.backend) };
  const { steps, repetitions, contestants } = options;
  try {
    mkdirSync(dirname(reportPath), { recursive: true });
    closeSync(openSync(reportPath, "a")); // a path that cannot be written is found out before the work, not after it
    output.write(
      `Fisher's iris: two thirds to train on, ${steps} steps in ${places.training.dtype} on the ${trained.name} backend ` +
        `(${trained.about}), ${contestants.length} optimizers, learning rates by grid, ${repetitions} ` +
        `seed${repetitions === 1 ? "" : "s"}.` +
        (trained === exact
          ? ""
          : ` The exact Fisher mathematics in ${places.exact.dtype} on the ${exact.name} backend, to which the ` +
            "parameters are moved for it."),
    );
    const study = await runStudy({ ...options, places }, progressFor(output));
    for (const result of study.results) {
      output.write(`\n${result.label}, ${result.parameterCount} parameters`);
      output.write(textTable(summaryHead(study), summaryRows(study, result)));
    }
    const seconds = (performance.now() - start) / 1000;
    writeFileSync(reportPath, reportPage(study, { seconds, device: trained.about }));
    output.write(
      `\nlearning rates: the best training loss of a grid; * at an end of the grid. Loss: median over the seeds.` +
        `\n${((performance.now() - start) / 1000).toFixed(1)} s. The Fisher information, the directions and the curves are in the report:\n${reportPath}`,
    );
    return study;
  } finally {
    for (const { backend } of new Set([trained, exact])) await backend.close();
  }
}

/** Whether the exact mathematics can be done there: in float64, looking at values in between. */
const canBeExact = ({ backend: { capabilities } }: Opened): boolean =>
  capabilities.dtypes.includes("float64") && capabilities.synchronousReads;
