import type { Spread } from "../study/outcome.ts";
import type { Study, SubjectResult } from "../study/study.ts";
import { figures, percent } from "./format.ts";

/** The head of the table that the terminal and the report show. */
export const summaryHead = ({ goal }: Study): string[] => [
  "optimizer",
  "rate",
  "final loss",
  "over seeds",
  "held-out accuracy",
  `steps to ${goal}`,
  "ms/step",
];

/** One row for each optimizer. */
export const summaryRows = ({ repetitions }: Study, { outcomes }: SubjectResult): string[][] =>
  outcomes.map(({ label, rate, atEdge, finalLoss, accuracy, stepsToGoal, millisecondsPerStep }) => [
    label,
    `${rate}${atEdge ? " *" : ""}`,
    figures(finalLoss.median),
    repetitions === 1 ? "-" : range(finalLoss),
    percent(accuracy.median),
    stepsToGoal === null ? "never" : String(stepsToGoal),
    millisecondsPerStep.toFixed(2),
  ]);

const range = ({ low, high }: Spread): string => `${figures(low, 2)} to ${figures(high, 2)}`;
