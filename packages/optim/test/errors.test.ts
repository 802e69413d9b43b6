import { ArgumentError, DTypeError, ShapeError, TreeError, tensor, zeros } from "@amari/core";
import { describe, expect, test } from "vitest";
import {
  adafactor,
  adafactorAsPrinted,
  adam,
  adamAsPrinted,
  adamw,
  addDecayedWeights,
  chain,
  clipByGlobalNorm,
  clipByRms,
  constantSchedule,
  cosineDecay,
  exponentialDecay,
  fadafactor,
  fadam,
  inverseSqrt,
  laprop,
  linearDecay,
  piecewise,
  scaleByLearningRate,
  scaleUpdates,
  sgd,
  skipNonFinite,
  traceMomentum,
  warmup,
} from "../src/index.ts";
import "./setup.ts";

const makers = { sgd, adam, adamw, laprop, fadam, fadafactor, adafactor, adamAsPrinted, adafactorAsPrinted };

describe("hyperparameters are checked when an optimizer is made", () => {
  test.each(Object.entries(makers))(
    "%s: a learning rate that is negative, not finite or no number",
    (name, make) => {
      for (const learningRate of [-1, NaN, Infinity, "0.1" as unknown as number, null as unknown as number]) {
        expect(() => make({ learningRate })).toThrow(ArgumentError);
        expect(() => make({ learningRate })).toThrow(
          new RegExp(`${name}: learningRate must be .*got ${learningRate}`),
        );
      }
      expect(() => make({ learningRate: 0 })).not.toThrow();
    },
  );

  const learningRate = 0.1;
  test.each<[string, () => unknown]>([
    ["fadam: beta1 must be in [0, 1), got 1", () => fadam({ learningRate, beta1: 1 })],
    ["fadam: beta2 must be in [0, 1], got 1.5", () => fadam({ learningRate, beta2: 1.5 })],
    ["fadam: epsilon must be a number >= 0 or Infinity, got -1", () => fadam({ learningRate, epsilon: -1 })],
    [
      "fadam: epsilon2 must be a number >= 0 or Infinity, got NaN",
      () => fadam({ learningRate, epsilon2: NaN }),
    ],
    ["fadam: clip must be a finite number > 0, got 0", () => fadam({ learningRate, clip: 0 })],
    [
      "fadafactor: weightDecay must be a finite number >= 0",
      () => fadafactor({ learningRate, weightDecay: -1 }),
    ],
    ["fadam: rho must be a finite number > 0, got 0", () => fadam({ learningRate, rho: 0 })],
    [
      'fadam: fisher must be one of "minibatch", "injected", got exact',
      () => fadam({ learningRate, fisher: "exact" as "injected" }),
    ],
    ["adam: beta2 must be in [0, 1), got 1", () => adam({ learningRate, beta2: 1 })],
    [
      "adam: epsilon must be a finite number >= 0, got Infinity",
      () => adam({ learningRate, epsilon: Infinity }),
    ],
    ["adamw: weightDecay must be", () => adamw({ learningRate, weightDecay: -0.1 })],
    [
      'adam: amsgrad must be one of "raw", "corrected"',
      () => adam({ learningRate, amsgrad: "yes" as "raw" }),
    ],
    ["sgd: momentum must be in [0, 1), got 1", () => sgd({ learningRate, momentum: 1 })],
    ["sgd: nesterov needs momentum > 0 and dampening 0", () => sgd({ learningRate, nesterov: true })],
    ["adafactor: decayExponent must be", () => adafactor({ decayExponent: 0 })],
    ["laprop: beta1 must be", () => laprop({ learningRate, beta1: -0.1 })],
    ["adamAsPrinted: recursion must be", () => adamAsPrinted({ learningRate, recursion: "x" as "literal" })],
    ["adafactorAsPrinted: clip must be", () => adafactorAsPrinted({ learningRate, clip: -1 })],
    ["scaleByLearningRate: learningRate must be", () => scaleByLearningRate(-1)],
    ["scaleUpdates: the size of factor must be", () => scaleUpdates(NaN)],
    ["addDecayedWeights: weightDecay must be", () => addDecayedWeights(-1)],
    ["clipByRms: threshold must be", () => clipByRms(0)],
    ["clipByGlobalNorm: maximum must be", () => clipByGlobalNorm(-1)],
    ["traceMomentum: decay must be", () => traceMomentum({ decay: 1 })],
    ["constantSchedule: value must be", () => constantSchedule(-1)],
    ["inverseSqrt: initial must be", () => inverseSqrt(Infinity)],
    ["warmup: steps must be a positive integer, got 0", () => warmup(0, 1)],
    ["warmup: learningRate must be", () => warmup(10, -1)],
    ["exponentialDecay: rate must be", () => exponentialDecay(1, 0, 10)],
    ["cosineDecay: steps must be a positive integer, got 1.5", () => cosineDecay(1, 1.5)],
    ["linearDecay: final must be", () => linearDecay(1, 10, -1)],
    ["piecewise: expected increasing positive integers", () => piecewise([1, 2], [5, 6])],
    ["piecewise: expected increasing positive integers", () => piecewise([1, 2, 3], [6, 5])],
  ])("%s", (message, make) => {
    expect(make).toThrow(ArgumentError);
    expect(make).toThrow(message);
  });

  test.each(Object.entries(makers))(
    "%s: an option that there is not, with the nearest that there is",
    (name, make) => {
      expect(() => make({ learningRat: 1 } as never)).toThrow(ArgumentError);
      expect(() => make({ learningRat: 1 } as never)).toThrow(
        `${name}: there is no option learningRat; did you mean learningRate? The options are learningRate, `,
      );
      expect(() => make({ learningRate, weight_decay: 0 } as never)).toThrow(
        name === "laprop" ? "there is no option weight_decay" : "did you mean weightDecay?",
      );
      expect(() => make(0.1 as never)).toThrow(`${name}: expected an object of options, got 0.1`);
    },
  );

  test("an option that must be given", () => {
    expect(() => adam({} as never)).toThrow("adam: the option learningRate is missing");
    expect(() => traceMomentum({ nesterov: true } as never)).toThrow(
      "traceMomentum: the option decay is missing",
    );
    expect(() => adafactor()).not.toThrow();
  });

  test("the options of parts and of schedules too", () => {
    expect(() => traceMomentum({ decay: 0.9, nestorov: true } as never)).toThrow("did you mean nesterov?");
    expect(() => exponentialDecay(1, 0.5, 10, { stairCase: true } as never)).toThrow(
      "did you mean staircase?",
    );
  });

  test("an option that is undefined has its default", () => {
    const optional = { learningRate, beta1: undefined } as unknown as { learningRate: number };
    const params = tensor([1, 2]);
    const [update] = fadam(optional).update(params, fadam(optional).init(params), params);
    const [expected] = fadam({ learningRate }).update(params, fadam({ learningRate }).init(params), params);
    expect(update.arraySync()).toEqual(expected.arraySync());
  });
});

describe("what does not fit together is a typed error", () => {
  const params = { w: zeros([2, 3]), b: zeros([3]) };
  const optimizers = {
    fadam: fadam({ learningRate: 0.1 }),
    chain: chain(clipByGlobalNorm(1), scaleByLearningRate(0.1)),
    skipNonFinite: skipNonFinite(fadafactor({ learningRate: 0.1 })),
  };

  test.each(Object.entries(optimizers))("%s: gradients of another structure or shape", (_, optimizer) => {
    const state = optimizer.init(params) as never;
    const update = (gradients: unknown) => () => optimizer.update(gradients as typeof params, state, params);
    expect(update({ w: params.w })).toThrow(TreeError);
    expect(update({ w: params.w })).toThrow("expected the keys [b, w], got [w]");
    expect(update([params.w, params.b])).toThrow(TreeError);
    expect(update({ w: params.w, b: { c: params.b } })).toThrow(TreeError);
    expect(update({ w: params.b, b: params.b })).toThrow(ShapeError);
  });

  test("a state of other parameters, or none", () => {
    const optimizer = optimizers.fadam;
    const other = optimizer.init({ w: params.w }) as never;
    expect(() => optimizer.update(params, other, params)).toThrow(TreeError);
    expect(() => optimizer.update(params, other, params)).toThrow("the state's momentum");
    expect(() => optimizer.update(params, undefined as never, params)).toThrow(TreeError);
    expect(() => optimizer.update(params, {} as never, params)).toThrow("init(params)");
    const { chain: chained } = optimizers;
    expect(() => chained.update(params, [chained.init(params)[0]] as never, params)).toThrow("its 2 parts");
  });

  test.each(Object.entries(optimizers))("%s: integers cannot be optimized", (_, optimizer) => {
    const integers = { w: tensor([1, 2], { dtype: "int32" }) };
    expect(() => optimizer.init(integers)).toThrow(DTypeError);
    const floats = { w: tensor([1, 2]) };
    expect(() => optimizer.update(integers, optimizer.init(floats) as never, floats)).toThrow(DTypeError);
  });

  test("a Fisher diagonal that is missing, not asked for, or of another structure", () => {
    const gradients = params;
    const injected = fadam({ learningRate: 0.1, fisher: "injected" });
    const state = injected.init(params);
    expect(() => injected.update(gradients, state, params)).toThrow("each update needs the Fisher diagonal");
    expect(() =>
      injected.update(gradients, state, params, { fisherDiagonal: { w: params.w } as never }),
    ).toThrow(TreeError);
    const plain = optimizers.fadam;
    expect(() => plain.update(gradients, plain.init(params), params, { fisherDiagonal: params })).toThrow(
      "would ignore the given one",
    );
  });
});
