import { random, type Tensor, tanh } from "@amari/core";
import { binaryCrossEntropyWithLogits, crossEntropy, linear, meanSquaredError, mlp } from "@amari/nn";
import { expectType } from "../../../core/test/types/expect-type.ts";

// Compiled by tsc, never run.

declare const key: Tensor<[2]>;
declare const x: Tensor<[150, 4]>;
declare const image: Tensor<[28, 28]>;
declare const labels: Tensor<[150]>;
declare const unknownShape: Tensor;
declare const sizes: number[];

const layer = linear({ inputs: 4, outputs: 3 });
const params = layer.init(key);
expectType<Tensor<[4, 3]>>()(params.weight);
expectType<Tensor<[3]>>()(params.bias);
expectType<Tensor<[150, 3]>>()(layer.apply(params, x));
layer.apply(params, unknownShape);
// @ts-expect-error the last axis is 28, the layer wants 4
layer.apply(params, image);

const plain = linear({ inputs: 4, outputs: 3, bias: false }).init(key);
// @ts-expect-error there is no bias
plain.bias.neg();

const model = mlp({ sizes: [4, 16, 3], activation: tanh });
const weights = model.init(key);
expectType<Tensor<[4, 16]>>()(weights[0].weight);
expectType<Tensor<[3]>>()(weights[1].bias);
const logits = model.apply(weights, x);
expectType<Tensor<[150, 3]>>()(logits);
// @ts-expect-error there are two layers
weights[2].bias.neg();
// @ts-expect-error the last axis is 28, the model wants 4
model.apply(weights, image);
// @ts-expect-error parameters of another model
model.apply(mlp({ sizes: [4, 3] }).init(key), x);
const open = mlp({ sizes });
expectType<Tensor>()(open.apply(open.init(key), x));

expectType<Tensor<[150]>>()(crossEntropy(logits, labels));
expectType<Tensor<[150]>>()(crossEntropy(logits, logits));
crossEntropy(unknownShape, labels);
crossEntropy(logits, unknownShape);
// @ts-expect-error 28 labels for 150 examples
crossEntropy(logits, random.bits(key, [28]));
// @ts-expect-error probabilities of 28 classes
crossEntropy(logits, image);

/** Within generic functions the shapes are compared at run time. */
export function generic<N extends number>(f: Tensor<[N, 3]>, y: Tensor<[N]>): Tensor<[N]> {
  return crossEntropy(f, y);
}

meanSquaredError(x, x);
// @ts-expect-error [150, 4] and [28, 28]
meanSquaredError(x, image);
binaryCrossEntropyWithLogits(labels, unknownShape);
