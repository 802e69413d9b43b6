import { referenceBackend } from "@amari/backend-reference";
import { explain, random, setDefaultBackend, type Tensor } from "@amari/core";
import type { LoopKernel, Stage } from "@amari/core/backend";
import { crossEntropy, transformer } from "@amari/nn";
import { expect, it } from "vitest";

setDefaultBackend(referenceBackend());

const model = transformer({ vocabulary: 24, context: 8, features: 16, heads: 2, layers: 1 });
const params = model.init(random.key(0));
const tokens = (seed: number): Tensor => random.randint(random.key(seed), [3, 8], 0, 24);
const loss = (p: typeof params, x: Tensor, y: Tensor) => crossEntropy(model.apply(p, x), y).mean();
const { stages } = explain(loss)(params, tokens(1), tokens(2)).schedule;

/** How a kernel sweeps its rows: the folds of each of its phases. */
const sweeps = ({ phases }: LoopKernel): string =>
  phases
    .map(({ accumulators }) => accumulators.map(({ combine }) => combine).join(" and ") || "each element")
    .join(", ");

const describeStage = (stage: Stage): string => (stage.kind === "loops" ? sweeps(stage.kernel) : stage.kind);

it("the loss of a transformer is a kernel for each norm, softmax and cross entropy, and for what is between products", () => {
  expect(stages.map(describeStage)).toEqual([
    "add, add, each element", // the embeddings and the norm of the attention
    "dot",
    "each element", // the bias
    "dot",
    "max, add, each element", // the mask and softmax
    "dot",
    "dot",
    "add, add, each element", // the bias, the stream and the norm of the perceptron
    "dot",
    "each element", // the bias and gelu
    "dot",
    "add, add, each element", // the bias, the stream and the last norm
    "dot",
    "max, add, each element", // cross entropy
    "add, each element", // its mean
  ]);
});

it("the loss of a transformer materialises no view", () => {
  const stored = stages
    .flatMap((stage) => (stage.kind === "loops" ? stage.kernel.phases : []))
    .flatMap(({ stores }) => stores);
  expect(stored.length).toBeGreaterThan(0);
  expect(stored.filter(({ value }) => value.kind === "load")).toEqual([]);
});
