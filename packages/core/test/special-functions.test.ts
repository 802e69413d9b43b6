import type { Tensor } from "@amari/core";
import { expectClose, tensors } from "@amari/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { f64 } from "./support.ts";

// Correctly rounded values, from arbitrary-precision arithmetic; Abramowitz and Stegun tabulate most of them.
type Row = [x: number, value: number];

// lgamma has zeros at 1 and 2, near which it is the small difference of large terms: hence an absolute error too.
const tables: [name: string, f: (x: Tensor) => Tensor, rows: Row[], relative: number, absolute?: number][] = [
  [
    "erf",
    (x) => x.erf(),
    [
      [1e-10, 1.1283791670955126e-10],
      [0.1, 0.1124629160182849],
      [0.5, 0.5204998778130465],
      [1, 0.8427007929497149],
      [-2, -0.9953222650189527],
      [3, 0.9999779095030014],
      [40, 1],
    ],
    4e-16,
  ],
  [
    "erfc",
    (x) => x.erfc(),
    [
      [-1, 1.8427007929497148],
      [0.5, 0.4795001221869535],
      [1, 0.15729920705028513],
      [2, 0.004677734981047266],
      [3, 2.209049699858544e-5],
      [5, 1.537459794428035e-12],
      [10, 2.088487583762545e-45],
    ],
    2e-14,
  ],
  [
    "erfinv",
    (x) => x.erfinv(),
    [
      [0.1, 0.08885599049425769],
      [0.5, 0.4769362762044699],
      [-0.9, -1.163087153676674],
      [0.99, 1.8213863677184496],
      [1, Infinity],
      [-1, -Infinity],
      [1.5, Number.NaN],
    ],
    4e-15,
  ],
  [
    "lgamma",
    (x) => x.lgamma(),
    [
      [0.1, 2.252712651734206],
      [0.5, 0.5723649429247001],
      [1.5, -0.12078223763524522],
      [5, 3.1780538303479458],
      [10, 12.801827480081469],
      [100, 359.1342053695754],
      [-0.5, 1.2655121234846454],
      [-1.5, 0.860047015376481],
      [0, Infinity],
      [-1, Infinity],
    ],
    1e-14,
    4e-15,
  ],
  [
    "digamma",
    (x) => x.digamma(),
    [
      [0.5, -1.9635100260214235],
      [1, -0.5772156649015329],
      [10, 2.251752589066721],
      [-0.5, 0.03648997397857652],
      [0, Number.NaN],
    ],
    4e-14,
  ],
  [
    "trigamma",
    (x) => x.polygamma(1),
    [
      [0.5, Math.PI ** 2 / 2],
      [1, Math.PI ** 2 / 6],
    ],
    1e-14,
  ],
  ["polygamma of order 2", (x) => x.polygamma(2), [[1, -2.4041138063191885]], 1e-14],
];

describe.each(tables)("%s", (_, f, rows, relative, absolute = 0) => {
  it.each(rows)("of %d is %d", (x, value) => {
    expectClose(f(f64([x])), f64([value]), { relative, absolute });
  });
});

describe("identities", () => {
  const numbers = tensors({ shape: [8], min: 0, max: 6 });
  const runs = { numRuns: 30 };

  it("erf + erfc = 1, and erf is odd", () => {
    fc.assert(
      fc.property(numbers, (x) => {
        expectClose(x.erf().add(x.erfc()), x.mul(0).add(1), { ulp: 8 });
        expectClose(x.neg().erf(), x.erf().neg());
      }),
      runs,
    );
  });

  it("erfc goes to zero through the denormals", () => {
    const [small, smaller, least, none] = f64([27.1, 27.2, 27.22, 27.5]).erfc().dataSync();
    expect([small, smaller, least, none]).toEqual([2.33e-321, 1e-323, 5e-324, 0]);
  });

  it("erf inverts erfinv", () => {
    fc.assert(
      fc.property(tensors({ shape: [8], min: 0, max: 1 }), (x) => {
        const y = x.mul(1.9).sub(0.95);
        expectClose(y.erfinv().erf(), y, { ulp: 8, absolute: 1e-16 });
      }),
      runs,
    );
  });

  it("gamma(x + 1) = x gamma(x), and digamma follows", () => {
    fc.assert(
      fc.property(numbers, (x) => {
        const y = x.add(0.1);
        expectClose(y.add(1).lgamma(), y.log().add(y.lgamma()), { relative: 1e-13, absolute: 1e-14 });
        expectClose(y.add(1).digamma(), y.reciprocal().add(y.digamma()), {
          relative: 1e-13,
          absolute: 1e-13,
        });
      }),
      runs,
    );
  });

  it("softmax sums to 1 for any finite logits, and to NaN for two infinities", () => {
    fc.assert(
      fc.property(tensors({ shape: [2, 5], min: -1000, max: 1000 }), (x) => {
        expectClose(x.softmax().sum(-1), f64([1, 1]), { ulp: 4 });
        expectClose(x.logSoftmax().exp(), x.softmax(), { absolute: 1e-12 });
      }),
      runs,
    );
    expect(f64([Infinity, Infinity]).softmax().arraySync()).toEqual([Number.NaN, Number.NaN]);
  });
});
