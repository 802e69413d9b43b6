import type { Study, SubjectResult } from "../study/study.ts";
import { lineChart } from "./charts.ts";
import { optimizerColours } from "./colours.ts";
import { trainingFindings } from "./findings.ts";
import { escapeHtml, figures } from "./format.ts";
import { figure, legend, list, table } from "./html.ts";
import { summaryHead, summaryRows } from "./summary.ts";

/** The colours of the optimizers that took part. */
export const optimizerLegend = ({ results }: Study): string =>
  legend(results[0]!.outcomes.map(({ id, label }) => ({ label, colour: optimizerColours[id]! })));

/** Loss curves and the table. */
export const trainingSection = (study: Study): string => `
<h2>Training</h2>
${optimizerLegend(study)}
<div class="pair">${study.results.map(lossFigure).join("")}</div>
${study.results
  .map(
    (result) => `<h3>${escapeHtml(result.label)}</h3>
${table(summaryHead(study), summaryRows(study, result))}
${list(trainingFindings(study, result))}`,
  )
  .join("")}
<p class="note">Loss: mean negative log-likelihood of the training part, in nats; median over the seeds. * the learning rate
stands at an end of the grid. ms/step: one jitted step of one run, gradient and update, until it has
been computed on the ${escapeHtml(study.training.backend)} backend.</p>`;

function lossFigure({ label, outcomes, parameterCount }: SubjectResult): string {
  const series = outcomes.map(({ id, label: name, steps, curve }) => ({
    label: name,
    colour: optimizerColours[id]!,
    points: steps.map((x, i) => ({ x, y: curve[i]!.median, low: curve[i]!.low, high: curve[i]!.high })),
  }));
  const highest = 2 * Math.max(...outcomes.map(({ curve }) => curve[0]!.median));
  const lowest = Math.min(
    ...outcomes.flatMap(({ curve }) => curve.map(({ median }) => median)).filter((v) => v > 0),
  );
  return figure(
    `Training loss, ${label}`,
    `${parameterCount} parameters; median and range over the seeds, each optimizer at its best learning rate`,
    lineChart(series, { x: "step", y: "loss (nats)", yLog: true, yDomain: [0.8 * lowest, highest] }),
  );
}

/** How it was done. */
export function settingsSection(study: Study): string {
  const rows = study.results[0]!.outcomes.map(({ label, settings }) => [label, settings]);
  const grids = study.results.map(
    (result) => `<h3>Learning rates, ${escapeHtml(result.label)}</h3>
${list(
  result.outcomes.map(
    ({ label, grid }) =>
      `${label}: ${grid.map(({ rate, loss }) => `${rate} → ${figures(loss, 2)}`).join(",  ")}`,
  ),
)}`,
  );
  return `
<h2>How it was done</h2>
${list([
  `Data: the 150 flowers of Fisher's table of 1936, a stratified split with a fixed key, features standardised by the training part.`,
  `Each optimizer runs at every learning rate of its grid and with every seed; the rate with the lowest training loss at the end, averaged over the seeds, is shown. Everything else is at its default, as listed. The held-out part has no say.`,
  `A seed decides the initial weights of the MLP and the order of the minibatches. All rates and seeds of one optimizer run as one program: a step written for one run, under two vmaps and one jit.`,
  `Natural gradient descent takes the exact Fisher matrix of the minibatch's inputs, with the model's own labels enumerated, and adds the damping to its diagonal, since the matrix is singular. The comparisons above use the whole training part and, for directions, the pseudo-inverse without damping.`,
  ...whereList(study),
  `To run it again: npx --yes pnpm@10.34.9 start --steps ${study.steps} --seed ${study.seed}${study.training.backend === "cpu" ? "" : ` --backend ${study.training.backend}`}`,
])}
${table(["optimizer", "settings"], rows, "text")}
${grids.join("")}
<p class="note">rate → mean training loss at the end over the seeds.</p>`;
}

/** What was computed where, if it was not all in one place. */
const whereList = ({ training, exact }: Study): string[] =>
  training.backend === exact.backend
    ? []
    : [
        `The steps of the optimizers, the loss curves and the accuracies were computed in ${training.dtype} on the ${training.backend} backend, natural gradient descent's own Fisher matrix of the minibatch among them. Data and initial weights are made in ${exact.dtype} on the ${exact.backend} backend and rounded. At each measured step the parameters, FAdam's f and all updates are moved there, and the exact Fisher information, its diagonal, the natural gradient and all cosines are computed in ${exact.dtype}.`,
      ];
