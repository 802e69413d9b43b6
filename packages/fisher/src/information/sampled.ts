import { random, type Tensor } from "@amari/core";
import { overPairs } from "../batch.ts";
import type { Model } from "../models/model.ts";
import { empiricalFisher, empiricalFisherDiagonal } from "./empirical.ts";

/** Options of {@link sampledFisher}. */
export interface SampledFisherOptions {
  /** How many outcomes are drawn for each input. Default 1. */
  readonly samples?: number;
}

/**
 * A Monte Carlo estimate of {@link exactFisher}: the mean of g g' over outcomes drawn from the model itself (Section 3.3 of
 * the FAdam paper), so without bias, with a standard error that falls as 1 / sqrt(N samples).
 *
 * @param key a key of `random.key` or `random.split`
 * @param x inputs, `[N, ...]`
 * @returns `[P, P]`, in the order of `ravel`
 */
export function sampledFisher<Params, Output>(
  key: Tensor,
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
  { samples = 1 }: SampledFisherOptions = {},
): Tensor {
  const inputs = repeated(x, samples);
  return empiricalFisher(model, params, inputs, sampleOutcomes(key, model, params, inputs));
}

/** The diagonal of {@link sampledFisher}, as a tree like the parameters. */
export function sampledFisherDiagonal<Params, Output>(
  key: Tensor,
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
  { samples = 1 }: SampledFisherOptions = {},
): Params {
  const inputs = repeated(x, samples);
  return empiricalFisherDiagonal(model, params, inputs, sampleOutcomes(key, model, params, inputs));
}

/** One outcome for every input, drawn from the model: `[N, ...]`. */
export function sampleOutcomes<Params, Output>(
  key: Tensor,
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
): Tensor {
  const keys = random.split(key, x.shape[0]!) as Tensor;
  return overPairs((one, input) => model.distribution.sample(one, model.apply(params, input)))(keys, x);
}

/** Every input `times` times. */
const repeated = (x: Tensor, times: number): Tensor =>
  (x.expandDims(0).broadcastTo([times, ...x.shape]) as Tensor).reshape([
    times * x.shape[0]!,
    ...x.shape.slice(1),
  ]);
