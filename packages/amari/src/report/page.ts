import type { Study } from "../study/study.ts";
import { directionSection, fisherSection } from "./fisher-sections.ts";
import { escapeHtml } from "./format.ts";
import { page } from "./html.ts";
import { settingsSection, trainingSection } from "./training-sections.ts";

/** What the page tells about the run beside its results. */
export interface Circumstances {
  readonly seconds: number;
  /** What the backend of the training runs on. */
  readonly device: string;
}

/** The report as one HTML page that loads nothing from anywhere. */
export function reportPage(study: Study, { seconds, device }: Circumstances): string {
  const seeds = study.repetitions === 1 ? "one seed" : `${study.repetitions} seeds`;
  return page(
    "Amari: optimizers and Fisher information on iris",
    `<h1>Optimizers and Fisher information on iris</h1>
<p class="lead">How FAdam and its relatives train two small models on Fisher's iris, and how near they come to what they
approximate: the Fisher information and the natural gradient, both computed exactly. ${study.trainCount} flowers to train
on, ${study.testCount} held out, ${study.steps} steps with minibatches of ${study.batchSize}, ${seeds}.
${escapeHtml(whereText(study, device))} This page was made in ${seconds.toFixed(1)} seconds.</p>
${trainingSection(study)}
${fisherSection(study)}
${directionSection(study)}
${settingsSection(study)}`,
  );
}

/** Which backend did what, in which precision. */
function whereText({ training, exact }: Study, device: string): string {
  const there = `in ${training.dtype} on the ${training.backend} backend (${device})`;
  if (training.backend === exact.backend) return `All of it was computed ${there}.`;
  return (
    `The training was computed ${there}, the exact Fisher information and natural gradient in ${exact.dtype} on the ` +
    `${exact.backend} backend.`
  );
}
