import { concat, grad, jit, mapTree, mapTrees, type Tensor } from "@amari/core";
import { adam, applyUpdates, fadam } from "@amari/optim";
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import {
  bernoulli,
  type Distribution,
  type ExponentialFamily,
  exactFisher,
  exactFisherDiagonal,
  fisherNorm,
  gaussianVariance,
  linearRegression,
  logisticRegression,
  lossHessian,
  type Model,
  multilayerPerceptron,
  naturalGradient,
  negativeLogLikelihood,
  type PerceptronParameters,
  poissonRegression,
  ravel,
  softmaxRegression,
} from "../src/index.ts";
import { cases, compiled } from "./distribution-cases.ts";
import { difference, labels, largest, normals, perceptron, t64, tensors, u } from "./support.ts";

type Affine = { w: Tensor; b: Tensor };
const lossOf =
  <P, O>(model: Model<P, O>, x: Tensor, y: Tensor) =>
  (p: P) =>
    negativeLogLikelihood(model, p, x, y) as Tensor as Tensor<[]>;

/** One step of exact natural gradient descent. */
function step<P, O>(model: Model<P, O>, params: P, x: Tensor, y: Tensor, rate: number | Tensor = 1): P {
  const gradient = grad(lossOf(model, x, y))(params) as P;
  const direction = naturalGradient(exactFisher(model, params, x), gradient);
  return mapTrees((p: Tensor, d: Tensor) => p.sub(d.mul(rate)), params, direction);
}

/** A model in other coordinates: the parameters are `to(psi)`. */
const reparametrised = <P, O>(model: Model<P, O>, to: (psi: Tensor) => P): Model<Tensor, O> => ({
  apply: (psi, x) => model.apply(to(psi), x),
  distribution: model.distribution,
});

const vectorLogistic: Model<Tensor> = {
  apply: (theta, x) => logisticRegression.apply({ w: theta.slice([0, 2]), b: theta.slice(2) }, x),
  distribution: bernoulli,
};

describe("S8: exact natural gradient descent is equivariant under affine maps", () => {
  // Logistic regression on fixed inputs that are not degenerate; maps with condition numbers below about 1e2.
  const x = normals([12, 2], 1);
  const map = tensors([3, 3], 0.5).map((a) => a.add(t64([1.5, 0, 0, 0, 1.5, 0, 0, 0, 1.5], [3, 3])));

  const inTheta = jit((theta: Tensor, y: Tensor) => step(vectorLogistic, theta, x, y, 0.3));
  const inPsi = jit((psi: Tensor, m: Tensor, c: Tensor, y: Tensor) =>
    step(
      reparametrised(vectorLogistic, (at) => m.matmul(at).add(c) as Tensor),
      psi,
      x,
      y,
      0.3,
    ),
  );

  test.prop([map, tensors([3], 0.5), tensors([3], 0.5), labels(12, 2)])(
    "theta = M psi + c is kept by every step",
    (m, c, start, y) => {
      fc.pre(conditionOf(m) < 100);
      const to = (psi: Tensor): Tensor => m.matmul(psi).add(c) as Tensor;
      let psi = start;
      let theta = to(start);
      for (let i = 0; i < 3; i++) {
        psi = inPsi(psi, m, c, y);
        theta = inTheta(theta, y);
      }
      // cond(F_psi) <= cond(M)^2 cond(F), and F falls to about p (1 - p) > 0.002 away from p = 1/2: 1e4 * 1e3 * 10 u.
      expect(difference(to(psi), theta)).toBeLessThan(1e-8 * (1 + largest(theta)));
    },
  );

  test("plain gradient descent is not", () => {
    const m = t64([2, 0, 0, 0, 1, 0, 0, 0, 0.5], [3, 3]);
    const y = t64(Array.from({ length: 12 }, (_, i) => i % 2));
    const to = (psi: Tensor): Tensor => m.matmul(psi) as Tensor;
    const psi = t64([0.5, -1, 2]);
    const afterPsi = psi.sub(grad(lossOf(reparametrised(vectorLogistic, to), x, y))(psi));
    const afterTheta = to(psi).sub(grad(lossOf(vectorLogistic, x, y))(to(psi)));
    expect(difference(to(afterPsi), afterTheta)).toBeGreaterThan(0.01);
  });
});

function conditionOf(m: Tensor): number {
  const [values] = (m.matrixTranspose().matmul(m) as Tensor).eigh();
  return Math.sqrt(values.slice(2).itemSync() / values.slice(0).itemSync());
}

describe("S10: under a nonlinear change of parameters the steps agree to second order in the rate", () => {
  const dummy = t64([0], [1, 1]);
  /** log2 of how much the gap between two parametrisations falls when the rate is halved. */
  function slope(gap: (rate: number) => number): number {
    return Math.log2(gap(2 ** -4) / gap(2 ** -9)) / 5;
  }
  const ofParameters = <P>(distribution: Distribution<P>): Model<P, P> => ({ apply: (p) => p, distribution });

  const coins = jit((start: Tensor, y: Tensor, rate: Tensor): Tensor => {
    const logit = start.log().sub(start.neg().log1p()) as Tensor;
    const byLogit = step(ofParameters(bernoulli), logit, dummy, y, rate);
    const byMean = step(
      { apply: bernoulli.fromMean, distribution: bernoulli },
      start.reshape([1]),
      dummy,
      y,
      rate,
    );
    return byLogit.sigmoid().sub(byMean.reshape([])) as Tensor;
  });
  test.prop([
    fc.double({ min: 0.15, max: 0.85, noNaN: true }),
    fc.double({ min: 0.1, max: 0.9, noNaN: true }),
  ])("Bernoulli, by its logit and by its mean: slope 2", (start, target) => {
    fc.pre(Math.abs(start - target) > 0.05 && Math.abs(start - 0.5) > 0.05);
    // The loss is linear in y, so that a mean of labels will do.
    const gap = (rate: number): number => largest(coins(t64([start], []), t64([target]), t64([rate], [])));
    // The gap is c rate^2 + d rate^3 with |d / c| below about 5 here, which bends the slope by at most 0.2.
    expect(Math.abs(slope(gap) - 2)).toBeLessThan(0.2);
  });

  test("Gaussian, by mean and variance and by natural parameters: slope 2", () => {
    const [mean, variance] = [t64([0.3], []), t64([1.4], [])];
    const y = t64([1.1]);
    const gap = (rate: number): number => {
      const first = step(ofParameters(gaussianVariance), { mean, variance }, dummy, y, rate);
      const natural = gaussianVariance.toNatural({ mean, variance });
      const second = step(
        { apply: gaussianVariance.fromNatural, distribution: gaussianVariance },
        natural,
        dummy,
        y,
        rate,
      );
      return difference(gaussianVariance.fromNatural(second), first);
    };
    expect(Math.abs(slope(gap) - 2)).toBeLessThan(0.1);
  });
});

describe("S13: the squared length g'F^-1 g of the natural gradient does not depend on the coordinates (Eq 25)", () => {
  const x = normals([12, 2], 2);
  const y = t64(Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? 1 : 0)));
  const lengths = (model: Model<Tensor>, theta: Tensor): { full: Tensor; diagonal: Tensor } => {
    const gradient = grad(lossOf(model, x, y))(theta);
    const fisher = exactFisher(model, theta, x);
    return {
      full: fisherNorm(fisher, naturalGradient(fisher, gradient)).square(),
      diagonal: gradient
        .square()
        .div(exactFisherDiagonal(model, theta, x))
        .sum() as Tensor,
    };
  };
  const map = tensors([3, 3], 0.5).map((a) => a.add(t64([1.5, 0, 0, 0, 1.5, 0, 0, 0, 1.5], [3, 3])));

  const own = jit((theta: Tensor) => lengths(vectorLogistic, theta).full);
  const other = jit((psi: Tensor, m: Tensor) => {
    const linear = reparametrised(vectorLogistic, (at) => m.matmul(at) as Tensor);
    return lengths(linear, psi).full;
  });
  test.prop([map, tensors([3], 1)])("with the full Fisher matrix", (m, psi) => {
    fc.pre(conditionOf(m) < 100);
    const length = own(m.matmul(psi) as Tensor).itemSync();
    expect(Math.abs(other(psi, m).itemSync() - length)).toBeLessThan(1e-9 * (length + 1));
  });

  test("but with its diagonal it does (Eq 26), unless only scales change", () => {
    const theta = t64([0.4, -0.3, 0.2]);
    const shear = t64([1, 1, 0, 0, 1, 0, 0, 0, 1], [3, 3]);
    const scales = t64([3, 0.2, 7]);
    const length = lengths(vectorLogistic, theta).diagonal;
    const sheared = reparametrised(vectorLogistic, (at) => shear.matmul(at) as Tensor);
    const scaled = reparametrised(vectorLogistic, (at) => at.mul(scales));
    expect(
      Math.abs(lengths(sheared, shear.solve(theta)).diagonal.div(length).itemSync() - 1),
    ).toBeGreaterThan(0.05);
    expect(Math.abs(lengths(scaled, theta.div(scales)).diagonal.div(length).itemSync() - 1)).toBeLessThan(
      100 * u,
    );
  });
});

describe("E11: FAdam with the exact Fisher diagonal, rho 1 and nothing else is exact diagonal natural gradient descent", () => {
  const model = multilayerPerceptron();
  const rate = 0.02;
  const options = {
    learningRate: rate,
    rho: 1,
    beta1: 0,
    beta2: 0,
    clip: null,
    weightDecay: 0,
    epsilon: 0,
  } as const;
  const optimizer = fadam({ ...options, fisher: "injected" });
  type State = ReturnType<typeof optimizer.init<PerceptronParameters>>;

  const adaptive = jit((params: PerceptronParameters, state: State, x: Tensor, y: Tensor) => {
    const fisherDiagonal = exactFisherDiagonal(model, params, x);
    const gradient = grad(lossOf(model, x, y))(params);
    const [updates, next] = optimizer.update(gradient, state, params, { fisherDiagonal });
    return [applyUpdates(params, updates), next] as const;
  });
  const natural = jit((params: PerceptronParameters, x: Tensor, y: Tensor) =>
    mapTrees(
      (p: Tensor, g: Tensor, f: Tensor) => p.sub(g.div(f).mul(rate)),
      params,
      grad(lossOf(model, x, y))(params),
      exactFisherDiagonal(model, params, x),
    ),
  );

  test.prop([fc.integer({ min: 1, max: 1000 }), labels(6, 3)])(
    "over five steps of a perceptron, to 1e-14",
    (seed, y) => {
      const x = normals([6, 2], seed + 4);
      const start = mapTree(perceptron(seed), (leaf) => leaf.mul(0.3));
      let [mine, theirs, state] = [start, start, optimizer.init(start)];
      for (let i = 0; i < 5; i++) {
        [mine, state] = adaptive(mine, state, x, y);
        theirs = natural(theirs, x, y);
        // Neither is stable where some parameter has next to no information: its steps grow without bound.
        if (!(largest(theirs) < 10)) break;
        // Both make the same three roundings a step, in another order; a rate of 0.02 hardly amplifies them.
        expect(difference(mine, theirs)).toBeLessThan(1e-14 * Math.max(1, largest(theirs)));
      }
    },
  );

  test("without injection its step is 1 / g: the squared gradient is no Fisher information", () => {
    const [params, x, y] = [perceptron(3), normals([6, 2], 7), t64([0, 1, 2, 0, 1, 2])];
    const optimizer = fadam(options);
    const gradient = grad(lossOf(model, x, y))(params);
    const [updates] = optimizer.update(gradient, optimizer.init(params), params);
    const expected = mapTrees((g: Tensor) => g.reciprocal().mul(-rate), gradient);
    expect(difference(updates, expected)).toBeLessThan(4 * u * largest(expected));
  });
});

describe("E19: on a quadratic", () => {
  // A Gaussian mean model: L = 1/2 (theta - c)'A(theta - c) with A = X'X / N, which is also its Fisher matrix.
  const x = normals([10, 3], 8).mul(t64([3, 1, 0.3]));
  const y = normals([10, 1], 9);
  const model = linearRegression();
  const start = { w: normals([3, 1], 10), b: t64([0.7]) };
  const loss = jit(lossOf(model, x, y));
  const gradientOf = jit((p: Affine) => grad(lossOf(model, x, y))(p));
  const natural = jit((p: Affine, rate: Tensor) =>
    mapTrees((a: Tensor, d: Tensor) => a.sub(d.mul(rate)), p, naturalGradient(fisher, gradientOf(p))),
  );
  const descend = jit((p: Affine, rate: Tensor) =>
    mapTrees((a: Tensor, g: Tensor) => a.sub(g.mul(rate)), p, gradientOf(p)),
  );
  const fisher = exactFisher(model, start, x);
  const optimum = step(model, start, x, y);
  const excess = (p: Affine): number => loss(p).sub(loss(optimum)).itemSync();

  test.prop([fc.double({ min: 0.05, max: 1.95, noNaN: true })])(
    "natural gradient descent with 0 < rate < 2 contracts the excess loss by (1 - rate)^2 at every step",
    (rate) => {
      let params: Affine = start;
      for (let i = 0; i < 4; i++) {
        const next = natural(params, t64([rate], []));
        const [before, after] = [excess(params), excess(next)];
        expect(Math.abs(after - (1 - rate) ** 2 * before)).toBeLessThan(1e-10);
        if (before > 1e-9) expect(after).toBeLessThan(before);
        params = next;
      }
    },
  );

  test.prop([fc.double({ min: 0.05, max: 1.9, noNaN: true })])(
    "gradient descent is monotone below 2 / L, for L the largest eigenvalue",
    (share) => {
      const rate = share / largest(fisher.eigh()[0]);
      let params: Affine = start;
      for (let i = 0; i < 6; i++) {
        const next = descend(params, t64([rate], []));
        expect(excess(next)).toBeLessThan(excess(params) + 1e-13);
        params = next;
      }
    },
  );

  test("gradient descent beyond 2 / L is not, nor are Adam and FAdam at a rate of 0.1", () => {
    const increases = (advance: (p: Affine) => Affine, steps: number): number => {
      let [params, count] = [start as Affine, 0];
      for (let i = 0; i < steps; i++) {
        const next = advance(params);
        if (excess(next) > excess(params) + 1e-12) count++;
        params = next;
      }
      return count;
    };
    const rate = 2.1 / largest(fisher.eigh()[0]);
    const diverging = (p: Affine): Affine => descend(p, t64([rate], []));
    expect(increases(diverging, 40)).toBeGreaterThan(10);
    for (const optimizer of [adam({ learningRate: 0.1 }), fadam({ learningRate: 0.1, weightDecay: 0 })]) {
      let state = optimizer.init(start as Affine);
      const advance = (p: Affine): Affine => {
        const [updates, next] = optimizer.update(gradientOf(p), state as never, p);
        state = next as never;
        return applyUpdates(p, updates);
      };
      expect(increases(advance, 150), optimizer.name).toBeGreaterThan(5);
    }
  });
});

describe("one natural gradient step of rate 1 is exact", () => {
  const x = normals([10, 3], 11);

  const solutions = jit((start: Affine, y: Tensor) => {
    // The column of ones first, as the bias comes first.
    const ones: Tensor = x.slice(null, [0, 1]).mul(0).add(1);
    const augmented = concat([ones, x] as Tensor[], 1) as Tensor;
    const transposed = augmented.matrixTranspose();
    const solution = (transposed.matmul(augmented) as Tensor).solve(transposed.matmul(y) as Tensor);
    return [step(linearRegression(), start, x, y), { b: solution.slice(0), w: solution.slice([1, 4]) }];
  });
  test.prop([fc.record({ w: tensors([3, 2]), b: tensors([2]) }), tensors([10, 2])])(
    "for linear regression: it lands on the least squares solution from anywhere",
    (start, y) => {
      const [after, leastSquares] = solutions(start, y);
      expect(difference(after, leastSquares)).toBeLessThan(1e-12);
    },
  );

  describe.each(cases.map((item) => [item.distribution.name, item] as const))(
    "in mean parameters, %s",
    (_, item) => {
      const family = item.distribution as Distribution<unknown> & ExponentialFamily<unknown>;
      const model: Model<Tensor, unknown> = { apply: family.fromMean, distribution: family };
      const landing = compiled(item, (at, data) => {
        const statistic = family.toMean(data);
        const mean = family.toMean(at);
        // -log P averaged over data with this mean statistic, up to what does not depend on the parameters
        const loss = (mu: Tensor): Tensor<[]> => {
          const natural = family.toNatural(family.fromMean(mu));
          return family.logPartition(natural).sub(natural.mul(statistic).sum()) as Tensor<[]>;
        };
        const fisher = exactFisher(model, mean, t64([0], [1, 1]));
        return { after: mean.sub(naturalGradient(fisher, grad(loss)(mean))), statistic, mean };
      });
      test.prop([item.parameters, item.parameters])(
        "lands on the mean statistic of the data, the maximum of the likelihood",
        (at, data) => {
          const { after, statistic, mean } = landing(at, data);
          expect(difference(after, statistic)).toBeLessThan(
            1e5 * u * (1 + largest(statistic) + largest(mean)),
          );
        },
      );
    },
  );
});

describe("for generalised linear models with the canonical link, natural gradient descent is Newton's method", () => {
  const x = normals([10, 2], 12);
  const single = fc.record({ w: tensors([2]), b: tensors([], 1) });
  const multiple = fc.record({ w: tensors([2, 3]), b: tensors([3]) });
  /** F, and the Hessian at the labels. */
  const curvatures = <P>(model: Model<P>) =>
    jit((params: P, y: Tensor) => [exactFisher(model, params, x), lossHessian(model, params, x, y)]);
  const law = ([fisher, curvature]: readonly (Tensor | undefined)[]): void => {
    expect(difference(curvature, fisher)).toBeLessThan(1000 * u * (1 + largest(fisher)));
  };

  const logistic = curvatures(logisticRegression);
  test.prop([single, labels(10, 2)])(
    "logistic regression: F is the Hessian, whatever the labels",
    (params, y) => law(logistic(params, y)),
  );
  const counts = curvatures(poissonRegression);
  test.prop([single, labels(10, 5)])("Poisson regression", (params, y) => law(counts(params, y)));
  const softmax = curvatures(softmaxRegression);
  test.prop([multiple, labels(10, 3)])("softmax regression", (params, y) => law(softmax(params, y)));
  const linear = curvatures(linearRegression(0.7));
  test.prop([multiple, tensors([10, 3])])("linear regression", (params, y) => law(linear(params, y)));

  test.prop([tensors([3], 1), labels(10, 2)])(
    "so the natural gradient is Newton's step (Eq 49)",
    (theta, y) => {
      const [natural, newton] = steps(theta, y);
      expect(difference(natural, newton)).toBeLessThan(1e-10 * (1 + largest(newton)));
    },
  );
  const steps = jit((theta: Tensor, y: Tensor) => {
    const gradient = grad(lossOf(vectorLogistic, x, y))(theta);
    return [
      naturalGradient(exactFisher(vectorLogistic, theta, x), gradient),
      lossHessian(vectorLogistic, theta, x, y).solve(gradient),
    ];
  });

  test("it is not for a perceptron", () => {
    const model = multilayerPerceptron();
    const params: PerceptronParameters = perceptron(5);
    const y = t64([0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
    expect(difference(exactFisher(model, params, x), lossHessian(model, params, x, y))).toBeGreaterThan(0.05);
    expect(ravel(params).vector.size).toBe(21);
  });
});
