import { cpuBackend } from "@amari/backend-cpu";
import { operations, setDefaultBackend, type Tensor, tensor } from "@amari/core";
import { uniformFrom } from "@amari/testing";
import { expect, it } from "vitest";
import { errorInUlp, exact, fixed } from "./exact.ts";

setDefaultBackend(cpuBackend());

/** How many arguments for each function and interval; with `SAMPLES=100000` in the environment the worst are printed. */
const samples = Number(process.env["SAMPLES"] ?? 300);

type Interval = readonly [low: number, high: number];

/** Where each function is tried, beside the domain of its row; two intervals are two operands. */
const intervals: { readonly [name: string]: readonly (Interval | readonly [Interval, Interval])[] } = {
  exp: [
    [-80, 80],
    [-1, 1],
  ],
  expm1: [
    [-20, 80],
    [-1, 1],
    [-1e-3, 1e-3],
  ],
  log: [
    [0.5, 2],
    [1e-5, 1e5],
  ],
  log1p: [
    [-0.99, 5],
    [-0.5, 0.5],
    [-1e-3, 1e-3],
  ],
  log2: [
    [0.5, 2],
    [0.99, 1.01],
    [1e-5, 1e5],
  ],
  sin: [
    [-10, 10],
    [-25_000, 25_000],
    [-1e6, 1e6],
  ],
  cos: [
    [-10, 10],
    [-25_000, 25_000],
    [-1e6, 1e6],
  ],
  tan: [
    [-10, 10],
    [-25_000, 25_000],
    [-1e6, 1e6],
  ],
  asin: [
    [-1, 1],
    [-0.1, 0.1],
  ],
  acos: [
    [-1, 1],
    [0.99, 1],
  ],
  atan: [
    [-4, 4],
    [-1000, 1000],
    [-0.01, 0.01],
  ],
  atan2: [
    [
      [-3, 3],
      [-3, 3],
    ],
    [
      [-1e-3, 1e-3],
      [-5, 5],
    ],
  ],
  sinh: [
    [-20, 20],
    [-1, 1],
  ],
  cosh: [
    [-20, 20],
    [-1, 1],
  ],
  tanh: [
    [-8, 8],
    [-1, 1],
    [-0.01, 0.01],
  ],
  asinh: [
    [-5, 5],
    [-1000, 1000],
    [-0.01, 0.01],
    [-20_000, 20_000],
    [1e8, 1e9],
  ],
  acosh: [
    [1, 2],
    [1, 1000],
    [5_000, 20_000],
    [1e8, 1e9],
    [1, 1.01],
  ],
  atanh: [
    [-0.99, 0.99],
    [-0.01, 0.01],
  ],
  sigmoid: [
    [-30, 30],
    [-3, 3],
  ],
  softplus: [
    [-30, 30],
    [-3, 3],
  ],
  logSigmoid: [
    [-30, 30],
    [-3, 3],
  ],
  erf: [
    [-5, 5],
    [-1, 1],
    [-0.01, 0.01],
  ],
  erfc: [
    [-5, 5],
    [-1, 1],
    [0, 7],
  ],
  cbrt: [
    [-10, 10],
    [-1000, 1000],
  ],
  pow: [
    [
      [0.1, 4],
      [-4, 4],
    ],
    [
      [0.9, 1.1],
      [-300, 300],
    ],
    [
      [1e-3, 1000],
      [-8, 8],
    ],
  ],
  rsqrt: [[0.1, 10]],
};

const isPair = (
  interval: Interval | readonly [Interval, Interval],
): interval is readonly [Interval, Interval] => Array.isArray(interval[0]);

for (const dtype of ["float32", "float64"] as const) {
  it.each(Object.keys(exact))(`%s of ${dtype} is within its ulp of the exact value`, (name) => {
    const operation = operations.get(name)!;
    const { call, operands } = operation.cases[0]!;
    const [x, y = x] = operands.map(({ domain }) => [domain!.low, domain!.high] as const) as [
      Interval,
      Interval?,
    ];
    for (const interval of [operands.length === 2 ? ([x, y] as const) : x, ...intervals[name]!]) {
      const bounds = isPair(interval) ? interval : [interval];
      const uniform = uniformFrom(1);
      const inputs = bounds.map(
        ([low, high]) =>
          tensor(
            Float64Array.from({ length: samples }, () => low + uniform() * (high - low)),
            { dtype },
          ) as Tensor,
      );
      const got = (call(...inputs) as Tensor).dataSync();
      const columns = inputs.map((input) => input.dataSync());
      let worst = { error: 0, at: [Number.NaN], got: 0 };
      got.forEach((value, i) => {
        const at = columns.map((column) => column[i]!);
        const [first, second] = at.map(fixed) as [bigint, bigint?];
        const error = errorInUlp(value, exact[name]!(first, second ?? 0n), dtype);
        if (!(error <= worst.error)) worst = { error, at, got: value };
      });
      // The bound counts floats between a result and the rounded truth, which is half a unit from the truth at most.
      expect(worst.error, `${name}(${worst.at.join(", ")}) = ${worst.got}`).toBeLessThan(operation.ulp + 0.5);
      if (process.env["SAMPLES"])
        console.log(`${name} ${dtype} [${String(interval)}]: ${worst.error.toFixed(3)} ulp`);
    }
  });
}
