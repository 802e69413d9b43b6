import { referenceBackend } from "@amari/backend-reference";
import { setDefaultBackend, tensor } from "@amari/core";
import { expectClose, MismatchError, ulpDistance } from "@amari/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

setDefaultBackend(referenceBackend());

describe("ulpDistance", () => {
  it.each([
    [1, 1 + Number.EPSILON, 1],
    [1, 1 - Number.EPSILON / 2, 1],
    [-Number.MIN_VALUE, Number.MIN_VALUE, 2],
    [0, -0, 0],
    [Number.MAX_VALUE, Infinity, 1],
    [Number.NaN, Number.NaN, 0],
    [Number.NaN, 1, Infinity],
  ])("between %d and %d is %d", (a, b, distance) => {
    expect(ulpDistance(a, b)).toBe(distance);
    expect(ulpDistance(b, a)).toBe(distance);
  });

  it("counts in float32 and float16 as well, and refuses integers", () => {
    expect(ulpDistance(1, 1 + 2 ** -23, "float32")).toBe(1);
    expect(ulpDistance(-1, 1, "float32")).toBe(2 * 0x3f800000);
    expect(ulpDistance(1, 1 + 2 ** -10, "float16")).toBe(1);
    expect(ulpDistance(-1, 1, "float16")).toBe(2 * 0x3c00);
    expect(ulpDistance(65504, Infinity, "float16")).toBe(1);
    expect(() => ulpDistance(1, 2, "int32")).toThrow(/float32 or float16, got int32/);
  });

  it("is additive along the line", () => {
    const floats = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e3, max: 1e3 });
    fc.assert(
      fc.property(floats, floats, floats, (...points) => {
        const [a, b, c] = points.toSorted((x, y) => x - y) as [number, number, number];
        const whole = ulpDistance(a, c);
        expect(Math.abs(ulpDistance(a, b) + ulpDistance(b, c) - whole)).toBeLessThanOrEqual(whole * 2 ** -50);
      }),
    );
  });
});

describe("expectClose", () => {
  const x = tensor([1, 2, Number.NaN], { dtype: "float64" });

  it("accepts equal tensors, nested arrays, typed arrays and trees", () => {
    expectClose(x, x);
    expectClose(x, [1, 2, Number.NaN]);
    expectClose(x, Float64Array.of(1, 2, Number.NaN));
    expectClose({ a: [x], b: "name" }, { a: [x], b: "name" });
    expectClose(tensor([true]), [true]);
  });

  it.each([
    ["another value", [1, 3, Number.NaN], {}, /at \[1\]: expected 3, got 2/],
    ["a NaN too few", [1, 2, 3], { absolute: 100 }, /at \[2\]: expected 3, got NaN/],
    ["another shape", [[1, 2, Number.NaN]], {}, /shape \[1, 3\], got float64\[3\]/],
    ["an infinity", [1, Infinity, Number.NaN], { relative: 1 }, /expected Infinity, got 2/],
  ] as const)("refuses %s", (_, expected, tolerance, message) => {
    expect(() => expectClose(x, expected, tolerance)).toThrow(MismatchError);
    expect(() => expectClose(x, expected, tolerance)).toThrow(message);
  });

  it("refuses another dtype, another number of leaves, and -0 where that is asked", () => {
    expect(() => expectClose(x, x.astype("float32"))).toThrow(/dtype float32, got float64/);
    expect(() => expectClose([x], [x, x])).toThrow(/a tree of 2 tensors, got 1/);
    expectClose(tensor([-0]), [0]);
    expect(() => expectClose(tensor([-0]), [0], { signedZeros: true })).toThrow(/expected 0, got -0/);
  });

  it("allows what each tolerance says and no more", () => {
    const y = tensor([1 + 4 * Number.EPSILON, 1e-20], { dtype: "float64" });
    expectClose(y, [1, 1e-20], { ulp: 4 });
    expect(() => expectClose(y, [1, 1e-20], { ulp: 3 })).toThrow(/4 ulp apart/);
    expectClose(y, [1, 0], { absolute: 1e-15 });
    expectClose(y, [1, 0], { ulpOfLargest: 4 });
    expect(() => expectClose(y, [1, 0], { relative: 1e-10 })).toThrow(/at \[1\]/);
  });
});
