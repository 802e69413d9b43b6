import { adafactor, adam, adamw, fadafactor, fadam, laprop, type Optimizer, sgd } from "amari";

/** An optimizer that the page offers. */
export interface Choice {
  readonly label: string;
  /** A learning rate that suits the page's model. */
  readonly learningRate: number;
  /** Of its curves; distinguishable by the colour-blind, legible on white and on black. */
  readonly colour: string;
  make(learningRate: number): Optimizer;
}

/** The optimizers by what the form calls them. */
export const optimizers: Readonly<Record<string, Choice>> = {
  fadam: {
    label: "FAdam",
    learningRate: 0.03,
    colour: "#0072b2",
    make: (learningRate) => fadam({ learningRate }),
  },
  fadafactor: {
    label: "FAdafactor",
    learningRate: 0.03,
    colour: "#56b4e9",
    make: (learningRate) => fadafactor({ learningRate }),
  },
  adam: {
    label: "Adam",
    learningRate: 0.01,
    colour: "#d55e00",
    make: (learningRate) => adam({ learningRate }),
  },
  adamw: {
    label: "AdamW",
    learningRate: 0.01,
    colour: "#e69f00",
    make: (learningRate) => adamw({ learningRate }),
  },
  adafactor: {
    label: "Adafactor",
    learningRate: 0.03,
    colour: "#cc79a7",
    make: (learningRate) => adafactor({ learningRate }),
  },
  laprop: {
    label: "LaProp",
    learningRate: 0.01,
    colour: "#009e73",
    make: (learningRate) => laprop({ learningRate }),
  },
  sgd: {
    label: "Momentum SGD",
    learningRate: 0.03,
    colour: "#808080",
    make: (learningRate) => sgd({ learningRate, momentum: 0.9 }),
  },
};
