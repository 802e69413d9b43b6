/** One colour for each optimizer in every chart; distinguishable by the colour-blind, legible on white and on black. */
export const optimizerColours: Readonly<Record<string, string>> = {
  fadam: "#0072b2",
  fadafactor: "#56b4e9",
  adam: "#d55e00",
  adamw: "#e69f00",
  adafactor: "#cc79a7",
  sgd: "#808080",
  ngd: "#009e73",
};

/** For the estimates of the Fisher diagonal. */
export const estimateColours = {
  minibatchEstimate: "#0072b2",
  singleEstimate: "#56b4e9",
  squaredMinibatch: "#808080",
  empirical: "#d55e00",
} as const;

/** For the full-batch gradient under diagonal preconditioners. */
export const directionColours = {
  gradient: "#808080",
  rootEstimate: "#0072b2",
  estimate: "#56b4e9",
  rootExact: "#e69f00",
  exact: "#d55e00",
} as const;
