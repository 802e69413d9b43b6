import type { Argument } from "../random-program.ts";
import { isRanked, type Recipes } from "./recipe.ts";

/** Ways of writing a size as a product, for reshaping. */
function factorings(size: number): number[][] {
  if (size === 0) return [[0], [0, 3], [2, 0]];
  const pairs: number[][] = [];
  for (let n = 2; n < size; n++) if (size % n === 0) pairs.push([n, size / n]);
  const triples = pairs.flatMap(([n, rest]) =>
    factorsOf(rest!)
      .slice(0, 2)
      .map((m) => [n!, m, rest! / m]),
  );
  return [[size], ...pairs, ...triples, [1, size], [size, 1]];
}

const factorsOf = (n: number): number[] =>
  Array.from({ length: n }, (_, i) => i + 1).filter((m) => m > 1 && m < n && n % m === 0);

/** Uses of views. */
export const views: Recipes = {
  reshape: (draw) => {
    const x = draw.value();
    if (x !== undefined) draw.emit("reshape", x.reference, draw.pick(factorings(x.tensor.size))!);
  },
  permute: (draw) => {
    const x = draw.value(({ rank }) => rank > 1);
    if (x !== undefined) draw.emit("permute", x.reference, draw.permutation(x.tensor.rank));
  },
  flip: (draw) => {
    const x = draw.value(isRanked);
    if (x !== undefined) draw.emit("flip", x.reference, draw.subset(x.tensor.rank));
  },
  slice: (draw) => {
    const x = draw.value(isRanked);
    if (x === undefined) return;
    const entries = x.tensor.shape.map((n): Argument => {
      const start = draw.below(Math.min(n, 5));
      switch (draw.below(5)) {
        case 0:
          return null;
        case 1:
          return [start, n];
        case 2:
          return [0, n - start];
        case 3:
          return n === 0 ? null : start;
        default:
          return [start, n, 1 + draw.below(3)];
      }
    });
    draw.emit("slice", x.reference, ...entries);
  },
  pad: (draw) => {
    const x = draw.value(isRanked);
    if (x === undefined) return;
    const widths = x.tensor.shape.map(() => [draw.below(3), draw.below(4)]);
    draw.emit("pad", x.reference, widths, ...(draw.below(3) === 2 && x.tensor.dtype !== "bool" ? [1] : []));
  },
  broadcastTo: (draw) => {
    const x = draw.value(({ size }) => size < 600);
    if (x === undefined) return;
    const shape = x.tensor.shape.map((n) => (n === 1 ? draw.pick([2, 4, 5, 7])! : n));
    draw.emit("broadcastTo", x.reference, [...draw.pick([[], [2], [5], [3, 2]])!, ...shape]);
  },
  expandDims: (draw) => {
    const x = draw.value();
    if (x !== undefined) draw.emit("expandDims", x.reference, draw.below(x.tensor.rank + 1));
  },
  squeeze: (draw) => {
    const x = draw.value(({ shape }) => shape.includes(1));
    if (x !== undefined) draw.emit("squeeze", x.reference);
  },
  moveAxis: (draw) => {
    const x = draw.value(({ rank }) => rank > 1);
    if (x !== undefined)
      draw.emit("moveAxis", x.reference, draw.below(x.tensor.rank), -1 - draw.below(x.tensor.rank));
  },
  diagonal: (draw) => {
    const x = draw.value(({ rank }) => rank > 1);
    if (x !== undefined) draw.emit("diagonal", x.reference);
  },
};
