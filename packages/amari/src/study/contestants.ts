import type { Tensor } from "@amari/core";
import { exactFisher, naturalGradientDescent } from "@amari/fisher";
import { adafactor, adam, adamw, fadafactor, fadam, type Schedule, sgd } from "@amari/optim";
import type { Parameters, Subject } from "./subjects.ts";

/** An optimizer with its type of state left open: what all contestants of the study have in common. */
interface Stepper {
  init(params: Parameters): unknown;
  update(gradients: Parameters, state: unknown, params: Parameters): [updates: Parameters, state: unknown];
}

/** What an optimizer of the study is made from. */
interface Circumstances {
  /** The learning rate, a scalar: a tensor, so that a whole grid of rates runs as one program. */
  readonly rate: Tensor;
  readonly subject: Subject;
  /** The inputs of the minibatch, at which natural gradient descent takes the Fisher matrix. */
  readonly x: Tensor;
}

/** An optimizer that takes part in the study. */
export interface Contestant {
  /** What `--optimizers` calls it. */
  readonly id: string;
  readonly label: string;
  /** The settings beside the learning rate, for the report. */
  readonly settings: string;
  readonly rates: readonly number[];
  make(circumstances: Circumstances): Stepper;
}

/** Half-decades from 0.01 to 3: one grid for all, since the best rates of these optimizers lie far apart. */
const commonRates = [0.01, 0.03, 0.1, 0.3, 1, 3];

/** Natural gradient descent has a natural scale: a rate of 1 is the full step of the local quadratic model. */
const naturalRates = [0.1, 0.3, 1];

/** Added to the diagonal of F: the minibatch's matrix has a lower rank than there are parameters. */
const naturalDamping = 1e-2;

const schedule =
  (rate: Tensor): Schedule =>
  () =>
    rate;

const open = (optimizer: unknown): Stepper => optimizer as Stepper;

/** All optimizers of the study. Settings are the defaults of their papers; only the learning rate is tuned. */
export const contestants: readonly Contestant[] = [
  {
    id: "fadam",
    label: "FAdam",
    settings: "beta1 0.9, beta2 0.999, rho 1/2, clip 1, natural weight decay 1e-3",
    rates: commonRates,
    make: ({ rate }) => open(fadam({ learningRate: schedule(rate) })),
  },
  {
    id: "fadafactor",
    label: "FAdafactor",
    settings: "as FAdam, Fisher diagonal of matrices factored",
    rates: commonRates,
    make: ({ rate }) => open(fadafactor({ learningRate: schedule(rate) })),
  },
  {
    id: "adam",
    label: "Adam",
    settings: "beta1 0.9, beta2 0.999, epsilon 1e-8, no weight decay",
    rates: commonRates,
    make: ({ rate }) => open(adam({ learningRate: schedule(rate) })),
  },
  {
    id: "adamw",
    label: "AdamW",
    settings: "as Adam, decoupled weight decay 1e-2",
    rates: commonRates,
    make: ({ rate }) => open(adamw({ learningRate: schedule(rate) })),
  },
  {
    id: "adafactor",
    label: "Adafactor",
    settings: "relative step capped at 1/sqrt(t), scaled by the parameters, clip 1, no momentum",
    rates: commonRates,
    make: ({ rate }) => open(adafactor({ learningRate: schedule(rate) })),
  },
  {
    id: "sgd",
    label: "SGD",
    settings: "momentum 0.9",
    rates: commonRates,
    make: ({ rate }) => open(sgd({ learningRate: schedule(rate), momentum: 0.9 })),
  },
  {
    id: "ngd",
    label: "Natural gradient",
    settings: `exact Fisher matrix of the minibatch (labels enumerated) + ${naturalDamping} I, Cholesky`,
    rates: naturalRates,
    make: ({ rate, subject, x }) =>
      open(
        naturalGradientDescent<Parameters>({
          learningRate: () => rate,
          fisher: (params) => exactFisher(subject.model, params, x),
          damping: naturalDamping,
          method: "cholesky",
        }),
      ),
  },
];
