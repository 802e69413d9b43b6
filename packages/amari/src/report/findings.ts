import type { Outcome } from "../study/outcome.ts";
import type { Study, SubjectResult } from "../study/study.ts";
import {
  compareLosses,
  distanceAtEnd,
  type EstimateName,
  estimates,
  medianOver,
  scaleOf,
  thirds,
} from "./comparisons.ts";
import { cosine, figures, listing, percent } from "./format.ts";

// What came out, in words that follow from the numbers. Every sentence has a form for each way that it may fall.

/** Sentences about one model: losses and accuracies. */
export function trainingFindings(study: Study, { outcomes }: SubjectResult): string[] {
  const ranked = [...outcomes].sort((a, b) => a.finalLoss.median - b.finalLoss.median);
  const [first] = ranked;
  const sentences = [
    `Lowest training loss after ${study.steps} steps: ${first!.label}, ${figures(first!.finalLoss.median)}` +
      (ranked.length > 1
        ? `; then ${listing(ranked.slice(1).map(({ label, finalLoss }) => `${label} (${figures(finalLoss.median)})`))}.`
        : "."),
    ...duel(study, outcomes, "fadam", "adam"),
    ...duel(study, outcomes, "fadafactor", "adafactor"),
    accuracyFinding(study, outcomes),
  ];
  const edges = outcomes.filter(({ atEdge }) => atEdge).map(({ label }) => label);
  if (edges.length > 0) {
    sentences.push(
      `${listing(edges)}: the best learning rate stands at an end of the grid, so a better one may lie outside it.`,
    );
  }
  return sentences;
}

function duel(study: Study, outcomes: readonly Outcome[], left: string, right: string): string[] {
  const [a, b] = [left, right].map((id) => outcomes.find((outcome) => outcome.id === id));
  if (a === undefined || b === undefined) return [];
  const numbers = `${figures(a.finalLoss.median)} against ${figures(b.finalLoss.median)}`;
  if (study.repetitions === 1) {
    return [`${a.label} against ${b.label}: final loss ${numbers}. One seed decides nothing.`];
  }
  const verdict = compareLosses(a, b);
  if (verdict === "undecided") {
    return [
      `${a.label} against ${b.label}: undecided (${numbers}); the ranges over ${study.repetitions} seeds overlap.`,
    ];
  }
  const claim =
    verdict === "lower"
      ? "as the paper claims of larger models"
      : "so the paper's claim that it outperforms does not carry over to this model";
  return [`${a.label} ended ${verdict} than ${b.label} with every seed (${numbers}), ${claim}.`];
}

function accuracyFinding({ testCount }: Study, outcomes: readonly Outcome[]): string {
  const accuracies = outcomes.map(({ accuracy }) => accuracy.median);
  const [low, high] = [Math.min(...accuracies), Math.max(...accuracies)];
  const apart = Math.round((high - low) * testCount);
  const flowers = `${apart} of ${testCount} flowers`;
  if (apart === 0) return `All agree on the held-out part: ${percent(high)}.`;
  return (
    `Held-out accuracies lie between ${percent(low)} and ${percent(high)}, that is ${flowers} apart` +
    (apart <= 3 ? ": too few to rank the optimizers by." : ".")
  );
}

/** Sentences about FAdam's estimate of the Fisher diagonal. */
export function fisherFindings(study: Study, result: SubjectResult): string[] {
  const at = (name: EstimateName) => distanceAtEnd(result, name, scaleOf(name, study.batchSize));
  const raw = distanceAtEnd(result, "minibatchEstimate", 1);
  const [estimate, single, here, labels] = [
    at("minibatchEstimate"),
    at("singleEstimate"),
    at("squaredMinibatch"),
    at("empirical"),
  ];
  return [
    `As it stands, f is ${figures(raw.ratio, 2)} times the exact diagonal (median over the parameters). ` +
      `Multiplied by B = ${study.batchSize}, as squaring a mean over B examples asks for, it is ${figures(estimate.ratio, 2)} times the exact one, ` +
      `with a relative error of ${percent(estimate.error)}.`,
    `Does it rank the parameters? The correlation of the logarithms is ${cosine(estimate.correlation)} ` +
      `(${cosine(single.correlation)} when f sees one example a step): ${rankingWord(estimate.correlation)}.`,
    `Fed with single examples instead of minibatches, f has a relative error of ${percent(single.error)}: ` +
      (single.error < estimate.error
        ? "nearer, since squares of minibatch means keep the squared mean gradient and lose the spread between examples."
        : "no nearer, so the minibatch is not what is in the way."),
    whatCosts(estimate.error, here.error, labels.error),
    `One number for all parameters hides much: the parameter that fares worst has ${figures(estimate.worst, 2)} times its exact value in f × B, ` +
      `${figures(single.worst, 2)} in f of single examples and ${figures(labels.worst, 2)} in the conditional empirical Fisher information.`,
  ];
}

const rankingWord = (correlation: number): string => {
  if (correlation > 0.9) return "well";
  if (correlation > 0.6) return "roughly";
  return correlation > 0.2 ? "poorly" : "not at all";
};

function whatCosts(estimate: number, here: number, labels: number): string {
  const numbers =
    `Without the history, the expected squared minibatch gradient at the same parameters, times B, is off by ${percent(here)}; ` +
    `the conditional empirical Fisher information, which sees examples one by one but takes the labels of the data, by ${percent(labels)}. `;
  const history =
    estimate > 1.25 * here
      ? "So averaging over the path costs most: f remembers larger gradients of parameters long left."
      : estimate < 0.8 * here
        ? "So the history helps here: what f remembers makes up for gradients that vanish once the data are fitted."
        : "So the history is not the main cost.";
  const cause =
    labels > 0.3
      ? " And the labels matter: a model that fits its data sees smaller gradients than its own probabilities imply, which is where the empirical Fisher information is no Fisher information."
      : " As far as the large entries go, the labels of the data serve almost as well as the model's own here.";
  return numbers + history + cause;
}

/** Sentences about directions. */
export function directionFindings({ outcomes, trajectory }: SubjectResult): string[] {
  const nearest = outcomes
    .map(({ id, label }) => ({ label, value: medianOver(trajectory.optimizerCosines[id]!, 0, 1) }))
    .sort((a, b) => b.value - a.value);
  const diagonal = (name: keyof typeof trajectory.diagonalCosines) =>
    medianOver(trajectory.diagonalCosines[name], 0, 1);
  const [plain, root, whole, rootExact, exact] = [
    diagonal("gradient"),
    diagonal("rootEstimate"),
    diagonal("estimate"),
    diagonal("rootExact"),
    diagonal("exact"),
  ];
  const gain = (value: number) => {
    if (value > plain + 0.05) return "nearer than";
    return value < plain - 0.05 ? "farther than" : "about as near as";
  };
  return [
    `Median cosine of the updates, with momentum and the noise of minibatches: ${listing(
      nearest.map(({ label, value }) => `${label} ${cosine(value)}`),
    )}.`,
    `Without momentum and noise, the gradient divided by the root of f, FAdam's rule, has a median cosine of ${cosine(root)}: ` +
      `${gain(root)} the plain gradient (${cosine(plain)}). Divided by f itself: ${cosine(whole)}.`,
    `With the exact diagonal in place of f: ${cosine(exact)}, and ${cosine(rootExact)} with its root. ` +
      (exact < 0.9
        ? "The rest lies in the correlations between parameters, which a diagonal leaves out: the paper's first step, from " +
          "the Fisher matrix to its diagonal, is not a small one here."
        : "A diagonal is nearly enough here."),
    ...oscillation(trajectory.steepestShares),
  ];
}

/** A warning where cosines are high for a reason that has nothing to do with the optimizers. */
function oscillation(shares: readonly number[]): string[] {
  const names = ["first", "second", "last"];
  const found = thirds(shares).flatMap((share, i) => (share > 0.5 ? [{ name: names[i]!, share }] : []));
  if (found.length === 0) return [];
  return [
    `In the ${listing(found.map(({ name }) => name))} third the path oscillates across its steepest direction, the eigenvector of the ` +
      `largest eigenvalue of F, which holds ${listing(found.map(({ share }) => percent(share)))} of the natural gradient's squared length. ` +
      "Every direction with a part in it seems near there; the other thirds say more.",
  ];
}

/** The names of the estimates that the report lists, in its order. */
export const estimateNames = Object.keys(estimates) as EstimateName[];
