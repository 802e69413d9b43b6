import { type Tensor, zeros } from "@amari/core";
import {
  type AffineParameters,
  type Model,
  multilayerPerceptron,
  type PerceptronParameters,
  perceptronParameters,
  softmaxRegression,
} from "@amari/fisher";

/** The parameters of either model. */
export type Parameters = AffineParameters | PerceptronParameters;

/** A model that the study trains. */
export interface Subject {
  readonly id: "softmax" | "mlp";
  readonly label: string;
  readonly model: Model<Parameters>;
  /** Initial parameters in float64. */
  init(key: Tensor): Parameters;
}

const dtype = "float64";

/** Multinomial logistic regression from 4 features to 3 species: convex, 15 parameters, of which 10 count. */
const softmax: Subject = {
  id: "softmax",
  label: "softmax regression 4-3",
  model: softmaxRegression as unknown as Model<Parameters>,
  init: () => ({ w: zeros([4, 3], { dtype }), b: zeros([3], { dtype }) }),
};

/** One hidden layer of 6 tanh units: 51 parameters, not convex. */
const mlp: Subject = {
  id: "mlp",
  label: "tanh MLP 4-6-3",
  model: multilayerPerceptron() as unknown as Model<Parameters>,
  init: (key) => perceptronParameters(key, [4, 6, 3], { dtype }),
};

/** The models of the study, in the order of the report. */
export const subjects: readonly Subject[] = [softmax, mlp];
