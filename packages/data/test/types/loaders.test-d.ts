import type { Tensor } from "@amari/core";
import { batches, iris, standardise, trainTestSplit } from "@amari/data";
import { expectType } from "../../../core/test/types/expect-type.ts";

// Compiled by tsc, never run.

declare const key: Tensor<[2]>;
const flowers = iris();

expectType<Tensor<[150, 4]>>()(flowers.x);
expectType<Tensor<[150, 4]>>()(standardise(flowers.x));

const { train } = trainTestSplit(key, flowers);
expectType<Tensor<[number, 4]>>()(train.x);
expectType<Tensor<[number]>>()(train.y);

for (const { x, y } of batches(train, { size: 32, key, dropLast: true })) {
  expectType<Tensor<[32, 4]>>()(x);
  expectType<Tensor<[32]>>()(y);
}
for (const [x] of batches([flowers.x], { size: 32 })) expectType<Tensor<[number, 4]>>()(x!);
for (const { x } of batches(flowers, { size: 32 })) {
  expectType<Tensor<[number, 4]>>()(x);
  // @ts-expect-error the last batch is smaller
  expectType<Tensor<[32, 4]>>()(x);
}
