import { random, type Tensor } from "@amari/core";
import { expectType } from "../types/expect-type.ts";

// Compiled by tsc, never run.

declare const key: Tensor<[2]>;
declare const logits: Tensor<[5, 3]>;
declare const counts: number[];
declare const count: number;

expectType<Tensor<[2]>>()(random.key(0));
expectType<Tensor<[2, 2]>>()(random.split(key));
expectType<Tensor<[4, 2]>>()(random.split(key, 4));
expectType<Tensor<[3, 5, 2]>>()(random.split(key, [3, 5]));
expectType<Tensor<[number, 2]>>()(random.split(key, count));
expectType<Tensor<[2]>>()(random.foldIn(key, 1));

const [first, second] = random.keys(key);
expectType<Tensor<[2]>>()(first);
expectType<Tensor<[2]>>()(second);
// @ts-expect-error there are three
const [, , , fourth] = random.keys(key, 3);
expectType<Tensor<[2]>[]>()(random.keys(key, count));

export { fourth };

expectType<Tensor<[]>>()(random.normal(key));
expectType<Tensor<[4, 3]>>()(random.normal(key, [4, 3]));
expectType<Tensor<[4, 3]>>()(random.uniform(key, [4, 3], { dtype: "float64", minval: -1 }));
expectType<Tensor<number[]>>()(random.bits(key, counts));
expectType<Tensor<[7]>>()(random.randint(key, [7], 0, 3));
expectType<Tensor<[7]>>()(random.bernoulli(key, 0.5, [7]));

expectType<Tensor<[5]>>()(random.categorical(key, logits));
expectType<Tensor<[3]>>()(random.categorical(key, logits, { axis: 0 }));
expectType<Tensor<[9, 5]>>()(random.categorical(key, logits, { shape: [9, 5] }));

expectType<Tensor<[6]>>()(random.permutation(key, 6));
expectType<Tensor<[5, 3]>>()(random.permutation(key, logits));
expectType<Tensor<[2, 4]>>()(random.choice(key, 10, [2, 4]));
expectType<Tensor<[2, 4, 3]>>()(random.choice(key, logits, [2, 4]));

// @ts-expect-error a seed is no key
random.normal(0, [3]);
