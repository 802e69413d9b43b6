import { referenceBackend } from "@amari/backend-reference";
import { flatten, mapTree, setDefaultBackend, type Tensor, zeros } from "@amari/core";
import {
  broadcastableShapes,
  expectClose,
  sampleDomain,
  shapes,
  tensors,
  trees,
  uniformFrom,
} from "@amari/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

setDefaultBackend(referenceBackend());

/** How many of 200 samples have a property. */
const count = <T>(arbitrary: fc.Arbitrary<T>, has: (value: T) => boolean): number =>
  fc.sample(arbitrary, { numRuns: 200, seed: 1 }).filter(has).length;

describe("shapes", () => {
  it("include scalars, shapes without elements and all ranks up to 4", () => {
    for (const rank of [0, 1, 2, 3, 4])
      expect(count(shapes(), ({ length }) => length === rank)).toBeGreaterThan(0);
    expect(count(shapes(), (shape) => shape.includes(0))).toBeGreaterThan(0);
    expect(count(shapes({ min: 1 }), (shape) => shape.includes(0))).toBe(0);
  });

  it("that broadcast give the announced result", () => {
    fc.assert(
      fc.property(broadcastableShapes({}, 3), ({ operands, result }) => {
        const sum = operands.map((shape) => zeros(shape) as Tensor).reduce((a, b) => a.add(b));
        expect(sum.shape).toEqual(result);
      }),
    );
  });
});

describe("tensors", () => {
  it("keep to their shape, dtype and bounds", () => {
    fc.assert(
      fc.property(tensors({ shape: [2, 3], dtype: "int32", min: -3, max: 5 }), (x) => {
        expect([x.shape, x.dtype]).toEqual([[2, 3], "int32"]);
        expect(x.dataSync().every((value: number) => value >= -3 && value <= 5)).toBe(true);
      }),
    );
  });

  it("hold special values only where asked", () => {
    const hasSpecial = (x: Tensor) =>
      x.dataSync().some((value: number) => !Number.isFinite(value) || Object.is(value, -0));
    expect(count(tensors({ special: true }), hasSpecial)).toBeGreaterThan(20);
    expect(count(tensors(), hasSpecial)).toBe(0);
  });

  it("of bools are true and false", () => {
    fc.assert(fc.property(tensors({ dtype: "bool" }), (x) => expectClose(x.logicalNot().logicalNot(), x)));
  });
});

describe("trees", () => {
  it("hold at least one tensor and survive taking apart", () => {
    fc.assert(
      fc.property(trees({ statics: true }), (tree) => {
        const { leaves, structure } = flatten(tree);
        expect(leaves.length).toBeGreaterThan(0);
        expect(structure.rebuild(leaves)).toEqual(tree);
        expectClose(
          mapTree(tree, (leaf) => leaf.neg().neg()),
          tree,
        );
      }),
    );
  });

  it("are bare tensors, arrays and objects", () => {
    expect(count(trees(), (tree) => Array.isArray(tree))).toBeGreaterThan(20);
    expect(count(trees(), (tree) => !Array.isArray(tree) && "shape" in (tree as object))).toBeGreaterThan(20);
  });
});

describe("samples of a domain", () => {
  const domain = { kind: "real", low: -2, high: 3, except: [0, 1] } as const;

  it("keep their bounds and their distance from the exceptions, and from each other", () => {
    for (let seed = 0; seed < 50; seed++) {
      const values = sampleDomain(domain, 10, uniformFrom(seed));
      for (const x of values) {
        expect(x).toBeGreaterThanOrEqual(-2);
        expect(x).toBeLessThanOrEqual(3);
        expect(Math.min(Math.abs(x), Math.abs(x - 1))).toBeGreaterThanOrEqual(0.1 - 1e-12);
      }
      const sorted = values.toSorted((a, b) => a - b);
      sorted.slice(1).forEach((x, i) => {
        expect(x - sorted[i]!).toBeGreaterThan(0.05);
      });
    }
  });

  it("are the same for the same seed, and others for another", () => {
    expect(sampleDomain(domain, 5, uniformFrom(7))).toEqual(sampleDomain(domain, 5, uniformFrom(7)));
    expect(sampleDomain(domain, 5, uniformFrom(7))).not.toEqual(sampleDomain(domain, 5, uniformFrom(8)));
  });
});
