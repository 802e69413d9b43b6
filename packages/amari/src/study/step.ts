import { type Tensor, valueAndGrad } from "@amari/core";
import { negativeLogLikelihood } from "@amari/fisher";
import { applyUpdates } from "@amari/optim";
import type { Contestant } from "./contestants.ts";
import type { Split } from "./split.ts";
import type { Parameters, Subject } from "./subjects.ts";

/** The mean negative log-likelihood in nats per example: the loss of the study. */
const lossOf = (subject: Subject, params: Parameters, x: Tensor, y: Tensor): Tensor<[]> =>
  negativeLogLikelihood(subject.model, params, x, y) as Tensor<[]>;

/** The gradient of the loss on a minibatch. */
export const gradientOf = (subject: Subject, params: Parameters, x: Tensor, y: Tensor): Parameters =>
  valueAndGrad((p: Parameters) => lossOf(subject, p, x, y))(params)[1];

/** One step of training, for one learning rate and one seed. */
export function trainingStep(
  subject: Subject,
  contestant: Contestant,
): (
  rate: Tensor,
  params: Parameters,
  state: unknown,
  x: Tensor,
  y: Tensor,
) => readonly [params: Parameters, state: unknown] {
  return (rate, params, state, x, y) => {
    const gradients = gradientOf(subject, params, x, y);
    const [updates, next] = contestant.make({ rate, subject, x }).update(gradients, state, params);
    return [applyUpdates(params, updates), next];
  };
}

/** Training loss and held-out accuracy, both scalars. */
export function evaluation(
  subject: Subject,
  { trainX, trainY, testX, testY }: Split,
): (params: Parameters) => readonly [loss: Tensor, accuracy: Tensor] {
  return (params) => {
    const predicted = subject.model.apply(params, testX).argmax(-1);
    return [lossOf(subject, params, trainX, trainY), predicted.eq(testY).astype(testX.dtype).mean()];
  };
}
