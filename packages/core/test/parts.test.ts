import { cpuBackend } from "@amari/backend-cpu";
import {
  explain,
  grad,
  hvp,
  jacfwd,
  jacrev,
  jit,
  setDefaultBackend,
  type Tensor,
  vmap,
  zeros,
} from "@amari/core";
import { checkGrads, expectClose } from "@amari/testing";
import { fc, it } from "@fast-check/vitest";
import { beforeAll, describe, expect } from "vitest";
import { f64 } from "./support.ts";

beforeAll(() => setDefaultBackend(cpuBackend({ threads: 1 })));

type Entry = readonly [start: number, end: number, step: number];

/** A function of the parts of a matrix, every part in another way. */
const ofParts =
  (parts: readonly (readonly [Entry, Entry])[]) =>
  (x: Tensor): Tensor<[]> =>
    parts
      .map((part, i) =>
        x
          .slice(...part)
          .mul(i + 1)
          .sin()
          .sum(),
      )
      .reduce((a, b) => a.add(b), f64(0)) as Tensor<[]>;

const matrix = f64(
  Array.from({ length: 5 }, (_, i) => Array.from({ length: 7 }, (_, j) => Math.sin(3 * i + j))),
);

const entry = (size: number) =>
  fc
    .tuple(fc.nat(size), fc.nat(size), fc.integer({ min: 1, max: 3 }))
    .map(([a, b, step]): Entry => [Math.min(a, b), Math.max(a, b), step]);

/** The derivative without any slice: how often an element is in a part, times what it gives there. */
function expected(parts: readonly (readonly [Entry, Entry])[]): number[][] {
  const isIn = (k: number, [start, end, step]: Entry) => k >= start && k < end && (k - start) % step === 0;
  return (matrix.arraySync() as number[][]).map((row, i) =>
    row.map((x, j) =>
      parts.reduce(
        (sum, [p, q], n) => sum + (isIn(i, p) && isIn(j, q) ? (n + 1) * Math.cos((n + 1) * x) : 0),
        0,
      ),
    ),
  );
}

describe("the gradient of a function of slices", () => {
  it.prop([fc.array(fc.tuple(entry(5), entry(7)), { minLength: 1, maxLength: 4 })])(
    "adds what every slice gives, whether they overlap, lie between one another, or apart",
    (parts) => {
      expectClose(grad(ofParts(parts))(matrix), f64(expected(parts)), { absolute: 1e-12 });
    },
  );

  const thirds: readonly (readonly [Entry, Entry])[] = [
    [
      [0, 5, 1],
      [0, 7, 3],
    ],
    [
      [0, 5, 1],
      [1, 7, 3],
    ],
    [
      [0, 5, 1],
      [2, 7, 3],
    ],
  ];

  it("is differentiable and batchable in its turn", () => {
    const f = ofParts(thirds);
    checkGrads(f, [matrix]);
    expectClose(jacfwd(grad(f))(matrix), jacrev(grad(f))(matrix), { absolute: 1e-12 });
    expectClose(
      hvp(f, [matrix], [matrix]) as Tensor,
      jit((x: Tensor) => hvp(f, [x], [x]) as Tensor)(matrix),
      {
        absolute: 1e-12,
      },
    );
    const stacked = matrix.reshape([1, 5, 7]).mul(f64([[[1]], [[2]]]));
    const batched = (vmap as unknown as (g: (x: Tensor) => Tensor) => (x: Tensor) => Tensor)(grad(f))(
      stacked,
    );
    expectClose(batched.slice(1), grad(f)(matrix.mul(2)), { absolute: 1e-12 });
  });

  it("puts parts that do not overlap side by side, with zeros only where there are gaps", () => {
    const graphOf = (parts: readonly (readonly [Entry, Entry])[]) => {
      const text = String(explain(grad(ofParts(parts)))(zeros([5, 7]) as Tensor));
      return text.slice(text.indexOf("== canonical graph =="), text.indexOf("== memory plan =="));
    };
    const whole = graphOf(thirds);
    expect(whole).toContain("place{");
    expect(whole).not.toMatch(/pad\{|\] = 0$/m);
    expect(graphOf(thirds.slice(1))).toMatch(/place\{[\s\S]*\] = 0$/m);
    expect(graphOf([thirds[0]!, thirds[0]!])).not.toContain("place{");
  });
});
