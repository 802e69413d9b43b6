import { cond, type DType, foriLoop, jvp, random, scan, type Tensor, vmap, whileLoop } from "@amari/core";
import fc from "fast-check";
import { gradients } from "../fuzz/gradients.ts";
import { evaluate, type Input } from "../fuzz/random-program.ts";
import { randomPrograms } from "../fuzz/random-programs.ts";
import { type TensorFunction, variants } from "../fuzz/variants.ts";
import { uniformFrom } from "../sample.ts";
import type { Check } from "./check.ts";

const spread = { kind: "spread" } as const;

const numbers = (dtype: DType, ...shape: number[]): Input => {
  const uniform = uniformFrom(shape.length);
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, dtype, values: Array.from({ length: size }, () => 2 * uniform() - 1) };
};

const recur: TensorFunction = (w, xs) =>
  [
    ...scan(
      (state: Tensor, x: Tensor) => {
        const next = state.matmul(w!).add(x).tanh() as Tensor;
        return [next, next.sum()] as const;
      },
      xs!.slice(0) as Tensor,
      xs!,
    ),
  ] as Tensor[];

const grow: TensorFunction = (x) => [
  whileLoop(
    (y: Tensor) => y.abs().sum().lt(100) as Tensor<[]>,
    (y: Tensor) => y.mul(1.5) as Tensor,
    x!,
  ),
];

const choose: TensorFunction = (x) => [
  cond(
    x!.sum().gt(0) as Tensor<[]>,
    (y: Tensor) => y.exp() as Tensor,
    (y: Tensor) => y.mul(3).sin() as Tensor,
    x!,
  ),
];

const repeat: TensorFunction = (x) => [
  foriLoop(
    0,
    7,
    ((i: Tensor, y: Tensor) => y.add(i.astype(y.dtype)).mul(0.5)) as never,
    x! as never,
  ) as Tensor,
];

const decay: TensorFunction = (xs) => [
  ...scan(
    (sum: Tensor, x: Tensor) => {
      const next = sum.mul(0.5).add(x) as Tensor;
      return [next, next] as const;
    },
    xs!.slice(0) as Tensor,
    xs!,
  ),
];

/** Slices of which not all begin on a multiple of four elements, but what is computed of each does. */
const addLong: TensorFunction = (xs) => [
  ...scan(
    (sum: Tensor, x: Tensor) => {
      const next = sum.add(x.slice([0, longSlice])) as Tensor;
      return [next, x.sum()] as const;
    },
    xs!.slice(0).slice([0, longSlice]).mul(0) as Tensor,
    xs!,
  ),
];

const longSlice = 2 ** 16;

const tangents =
  (f: TensorFunction): TensorFunction =>
  (...x) =>
    jvp((...y: Tensor[]) => f(...y), x, x)[1] as Tensor[];

/** Loops and branches, plain and transformed, and random numbers. */
export function* transformationChecks(float: DType): Generator<Check> {
  const check = (operation: string, what: string, inputs: readonly Input[], f: TensorFunction): Check => ({
    operation,
    what,
    inputs,
    f,
    bound: spread,
  });
  const [w, xs] = [numbers(float, 4, 4), numbers(float, 6, 4)];
  for (const inputs of [[w, xs]]) {
    yield check("scan", "its value", inputs, recur);
    yield check("scan", "its gradients", inputs, gradients(recur));
    yield check("scan", "its tangents", inputs, tangents(recur));
  }
  // More turns than a backend prepares at once.
  yield check("scan", "1,000 turns", [numbers(float, 1000, 2)], decay);
  yield check("scan", "slices that begin anywhere", [numbers(float, 3, longSlice + 1)], addLong);
  const batch = [numbers(float, 3, 4, 4), numbers(float, 3, 6, 4)];
  yield check("scan", "vmap", batch, vmap(recur) as unknown as TensorFunction);
  yield check("scan", "its gradients under vmap", batch, gradients(vmap(recur) as unknown as TensorFunction));
  const loops = { whileLoop: grow, cond: choose, foriLoop: repeat };
  for (const [name, f] of Object.entries(loops)) {
    yield check(name, "its value", [numbers(float, 5)], f);
    yield check(name, "vmap", [numbers(float, 3, 5)], vmap(f) as unknown as TensorFunction);
    yield check(name, "its tangents", [numbers(float, 5)], tangents(f));
  }
  yield check("cond", "its gradients", [numbers(float, 5)], gradients(choose));
  const exact = { kind: "ulp", ulp: 0, elementwise: true } as const;
  for (const n of [0, 1, 5, 1000]) {
    const key = () => random.key(7);
    yield { ...check("random.bits", `${n} of them`, [], () => [random.bits(key(), [n])]), bound: exact };
    const uniform: TensorFunction = () => [random.uniform(key(), [n], { dtype: float as never }) as Tensor];
    yield { ...check("random.uniform", `${n} of them`, [], uniform), bound: exact };
    yield check("random.normal", `${n} of them`, [], () => [
      random.normal(key(), [n], { dtype: float as never }) as Tensor,
    ]);
  }
}

/** Random programs, plain and transformed. */
export function* fuzzChecks(float: DType, count: number, seed: number): Generator<Check> {
  if (count === 0) return;
  const programs = fc.sample(
    fc.tuple(randomPrograms({ floats: [float as "float32"] }), fc.constantFrom(...variants)),
    { numRuns: count, seed },
  );
  for (const [i, [program, variant]] of programs.entries()) {
    yield {
      operation: `random programs, ${variant.name}`,
      what: `number ${i} of seed ${seed}`,
      inputs: variant.inputs(program),
      f: variant.transform((...x) => evaluate(program, x)),
      // Placeholders have no values to be stored.
      cut:
        variant.name === "plain"
          ? (...x) => evaluate(program, x, (value) => void value.realise())
          : undefined,
      bound: spread,
    };
  }
}
