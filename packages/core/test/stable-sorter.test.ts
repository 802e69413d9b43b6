import { fc, it } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { StableSorter } from "../src/ops/stable-sorter.ts";

const number = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.double(),
  fc.constantFrom(Number.NaN, 0, -0, Infinity),
);

describe("the stable sorter", () => {
  it.prop([fc.array(number, { maxLength: 100 }), fc.array(number, { maxLength: 100 })])(
    "keeps the order of equals, takes -0 for 0 and puts NaN last, row after row",
    (first, second) => {
      const length = Math.min(first.length, second.length);
      const sorter = new StableSorter(length);
      for (const row of [first, second].map((values) => values.slice(0, length))) {
        const isNaNAt = (i: number) => Number(Number.isNaN(row[i]));
        const expected = row
          .map((_, i) => i)
          .sort(
            (i, j) =>
              isNaNAt(i) - isNaNAt(j) || Number(row[i]! > row[j]!) - Number(row[i]! < row[j]!) || i - j,
          );
        expect([...sorter.orderOf(Float64Array.from(row))]).toEqual(expected);
      }
    },
  );
});
