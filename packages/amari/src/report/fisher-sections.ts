import type { Study, SubjectResult } from "../study/study.ts";
import { decades, lineChart, scatterChart, smoothed } from "./charts.ts";
import { directionColours, estimateColours, optimizerColours } from "./colours.ts";
import { distance, distanceAtEnd, type EstimateName, estimates, scaleOf, thirds } from "./comparisons.ts";
import { directionFindings, estimateNames, fisherFindings } from "./findings.ts";
import { cosine, escapeHtml, figures, percent } from "./format.ts";
import { figure, legend, list, table } from "./html.ts";
import { optimizerLegend } from "./training-sections.ts";

const scaledLabel = (name: EstimateName, { batchSize }: Study): string =>
  scaleOf(name, batchSize) === 1 ? estimates[name] : `${estimates[name]}, × ${batchSize}`;

/** How far FAdam's f is from the exact diagonal of the Fisher information. */
export const fisherSection = (study: Study): string => `
<h2>FAdam's Fisher information against the exact one</h2>
<p>FAdam keeps an average f of squared minibatch gradients as its estimate of the diagonal of the Fisher matrix. Four
approximations are in that: the labels of the data stand for the model's own; the square of a mean over B examples stands
for the mean of squares, which makes it about F/B near an optimum, plus the squared mean gradient; old parameters stand for
the present ones; and a diagonal for the matrix. All are compared with the exact diagonal at the same parameters, along the
path of ${escapeHtml(leaderLabel(study))} (first seed).</p>
${legend(estimateNames.map((name) => ({ label: scaledLabel(name, study), colour: estimateColours[name] })))}
<div class="pair">${study.results.map((result) => errorFigure(study, result)).join("")}</div>
${study.results
  .map(
    (result) => `<h3>${escapeHtml(result.label)}, each parameter at the end</h3>
<div class="four">${scatterFigures(study, result)}</div>
${estimateTable(study, result)}
${list(fisherFindings(study, result))}`,
  )
  .join("")}`;

const leaderLabel = ({ results: [first] }: Study): string =>
  first!.outcomes.find(({ id }) => id === first!.trajectory.leader)!.label;

function errorFigure(study: Study, { label, trajectory }: SubjectResult): string {
  const series = estimateNames.map((name) => ({
    label: scaledLabel(name, study),
    colour: estimateColours[name],
    points: trajectory.steps.map((x, i) => ({
      x,
      y: distance(trajectory.diagonals[i]!, name, scaleOf(name, study.batchSize)).error,
    })),
  }));
  return figure(
    `Relative error of the diagonal, ${label}`,
    "|estimate − exact| / |exact| as vectors of all parameters; 1 is as bad as no estimate at all",
    lineChart(series, { x: "step", y: "relative error", yLog: true }),
  );
}

function scatterFigures(study: Study, { trajectory }: SubjectResult): string {
  const last = trajectory.diagonals.at(-1)!;
  const scaled = (name: EstimateName) => last[name].map((value) => value * scaleOf(name, study.batchSize));
  const domain = decades([...last.exact, ...estimateNames.flatMap(scaled)]);
  return estimateNames
    .map((name) =>
      figure(
        scaledLabel(name, study),
        "estimate upwards, exact value to the right; dashed: equal",
        scatterChart(last.exact, scaled(name), estimateColours[name], domain),
      ),
    )
    .join("");
}

function estimateTable(study: Study, result: SubjectResult): string {
  const rows = estimateNames.flatMap((name) => {
    const scale = scaleOf(name, study.batchSize);
    return [...new Set([1, scale])].map((factor) => {
      const { error, ratio, worst, correlation } = distanceAtEnd(result, name, factor);
      const label = factor === 1 ? estimates[name] : `${estimates[name]}, × ${factor}`;
      return [label, percent(error), figures(ratio, 2), figures(worst, 2), cosine(correlation)];
    });
  });
  return table(
    [
      "median over the last fifth",
      "relative error",
      "median ratio to exact",
      "worst ratio",
      "log correlation",
    ],
    rows,
  );
}

const directionLabels = {
  gradient: "gradient",
  rootEstimate: "gradient / √f (FAdam's rule)",
  estimate: "gradient / f",
  rootExact: "gradient / √diag F",
  exact: "gradient / diag F",
} as const;

type DirectionName = keyof typeof directionLabels;
const directionNames = Object.keys(directionLabels) as DirectionName[];

/** How far the optimizers' directions are from the exact natural gradient. */
export const directionSection = (study: Study): string => `
<h2>Directions against the exact natural gradient</h2>
<p>The cosine between a step and exact natural gradient descent F<sup>+</sup>g of the whole training part, measured in the
Fisher metric: 1 is the same direction, 0 gives no descent, below 0 the loss rises. All optimizers are asked at the same
parameters, along the same path as above; each keeps its own state, and only ${escapeHtml(leaderLabel(study))}'s steps are
taken. Curves are running medians, since single minibatches make them jump.</p>
${optimizerLegend(study)}
<div class="pair">${study.results.map(optimizerFigure).join("")}</div>
<h3>What a diagonal can do</h3>
<p>The same with the gradient of the whole training part, without momentum, divided by powers of FAdam's f and of the exact
diagonal.</p>
${legend(directionNames.map((name) => ({ label: directionLabels[name], colour: directionColours[name] })))}
<div class="pair">${study.results.map(diagonalFigure).join("")}</div>
${study.results
  .map(
    (result) => `<h3>${escapeHtml(result.label)}</h3>
${cosineTable(result)}
${list(directionFindings(result))}`,
  )
  .join("")}`;

const axes = { x: "step", y: "cosine in the Fisher metric", yDomain: [-1, 1] } as const;

const course = (steps: readonly number[], values: readonly number[]) =>
  smoothed(values).map((y, i) => ({ x: steps[i]!, y }));

const optimizerFigure = ({ label, outcomes, trajectory }: SubjectResult): string =>
  figure(
    `Updates of the optimizers, ${label}`,
    "with momentum and the noise of minibatches",
    lineChart(
      outcomes.map(({ id, label: name }) => ({
        label: name,
        colour: optimizerColours[id]!,
        points: course(trajectory.steps, trajectory.optimizerCosines[id]!),
      })),
      axes,
    ),
  );

const diagonalFigure = ({ label, trajectory }: SubjectResult): string =>
  figure(
    `Diagonal preconditioners, ${label}`,
    "full-batch gradient, no momentum",
    lineChart(
      directionNames.map((name) => ({
        label: directionLabels[name],
        colour: directionColours[name],
        points: course(trajectory.steps, trajectory.diagonalCosines[name]),
      })),
      { ...axes, yDomain: [0, 1] },
    ),
  );

function cosineTable({ outcomes, trajectory }: SubjectResult): string {
  const row = (label: string, values: readonly number[]): string[] => [label, ...thirds(values).map(cosine)];
  return table(
    ["median cosine", "first third", "second third", "last third"],
    [
      ...outcomes.map(({ id, label }) => row(label, trajectory.optimizerCosines[id]!)),
      ...directionNames.map((name) => row(directionLabels[name], trajectory.diagonalCosines[name])),
      row("share along the steepest direction", trajectory.steepestShares),
    ],
  );
}
