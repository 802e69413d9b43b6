import type { Tensor } from "@amari/core";
import type { Draw, Value } from "../draw.ts";
import { broadcastsWith, isFloat, type Recipes } from "./recipe.ts";

/** The matrices among the values as they are and transposed, which a kernel reads in place. */
function matrices(draw: Draw): { readonly value: Value; readonly transposed: boolean }[] {
  const found = draw.values.filter(({ tensor }) => tensor.rank >= 2 && tensor.dtype !== "bool").reverse();
  return found.flatMap((value) => [
    { value, transposed: false },
    { value, transposed: true },
  ]);
}

/** Uses of products of matrices, and of what is solved with them. */
export const contractions: Recipes = {
  matmul: (draw) => {
    const all = matrices(draw);
    const shapeOf = ({ value, transposed }: (typeof all)[number]): readonly number[] => {
      const { shape } = value.tensor;
      return transposed ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape;
    };
    const left = draw.pick(all);
    if (left === undefined) return;
    const rows = shapeOf(left);
    const right = draw.pick(
      all.filter((m) => {
        const columns = shapeOf(m);
        return columns.at(-2) === rows.at(-1) && broadcastsWith(rows.slice(0, -2))(columns.slice(0, -2));
      }),
    );
    if (right === undefined) return;
    const [a, b] = [left, right].map(({ value, transposed }) =>
      transposed ? draw.emit("matrixTranspose", value.reference) : value,
    );
    if (a !== undefined && b !== undefined) draw.emit("matmul", a.reference, b.reference);
  },
  /** A vector on either side, or on both. */
  matvec: (draw) => {
    const a = draw.value(({ rank, dtype }) => rank > 0 && dtype !== "bool");
    const b = draw.value(({ rank, shape, dtype }) => {
      const inner = shape.at(rank === 1 ? -1 : -2);
      return (
        rank > 0 &&
        dtype !== "bool" &&
        (rank === 1 || a?.tensor.rank === 1) &&
        inner === a?.tensor.shape.at(-1)
      );
    });
    if (a !== undefined && b !== undefined) draw.emit("matmul", a.reference, b.reference);
  },
  outer: (draw) => {
    const isShort = ({ rank, size, dtype }: Tensor) => rank === 1 && size < 70 && dtype !== "bool";
    const [a, b] = [draw.value(isShort), draw.value(isShort)];
    if (a !== undefined && b !== undefined) draw.emit("outer", a.reference, b.reference);
  },
  einsum: (draw) => {
    const a = draw.value((x) => isFloat(x) && x.rank > 0 && x.rank < 4);
    if (a === undefined) return;
    const b = draw.value(({ dtype, rank }) => dtype === a.tensor.dtype && rank > 0 && rank < 4)!;
    const left = labelled(draw, a.tensor.shape, []);
    const right = labelled(draw, b.tensor.shape, left);
    const all = [...new Map([...left, ...right].map((axis) => [axis.label, axis])).keys()];
    const result = draw.permutation(all.length).map((i) => all[i]!);
    const kept = draw.subset(all.length).map((i) => result[i]!);
    const text = (axes: readonly Axis[]) => axes.map(({ label }) => label).join("");
    draw.emit("einsum", `${text(left)},${text(right)}->${kept.join("")}`, a.reference, b.reference);
  },
  cholesky: (draw) => {
    const a = positiveDefinite(draw);
    if (a !== undefined) draw.emit("cholesky", a.reference);
  },
  solve: (draw) => {
    const a = positiveDefinite(draw);
    const b =
      a &&
      draw.value(({ shape, dtype }) => shape.at(-2) === a.tensor.shape.at(-1) && dtype === a.tensor.dtype);
    if (a !== undefined && b !== undefined) draw.emit("solve", a.reference, b.reference);
  },
};

interface Axis {
  readonly label: string;
  readonly size: number;
}

/** Names the axes of an operand of einsum: some like axes of the same size that have names already. */
function labelled(draw: Draw, shape: readonly number[], named: readonly Axis[]): Axis[] {
  let [next, done]: [number, Axis[]] = [named.length, []];
  for (const size of shape) {
    const like = [...named, ...done].find((axis) => axis.size === size && !done.slice(1).includes(axis));
    const isLike = like !== undefined && draw.below(3) > 0;
    done = [...done, isLike ? like : { label: "abcdefgh"[next++]!, size }];
  }
  return done;
}

/** `m m' + 2`, well conditioned for elements of some units. */
function positiveDefinite(draw: Draw): Value | undefined {
  const m = draw.value((x) => isFloat(x) && x.rank >= 2 && x.shape.at(-1)! < 18 && x.shape.at(-2)! < 18);
  if (m === undefined) return undefined;
  const n = m.tensor.shape.at(-2)!;
  const bounded = draw.emit("tanh", m.reference)!;
  const transposed = draw.emit("matrixTranspose", bounded.reference)!;
  const square = draw.emit("matmul", bounded.reference, transposed.reference);
  const one = draw.emit("eye", n, n, { dtype: m.tensor.dtype });
  const two = one && draw.emit("mul", one.reference, 2);
  return square && two && draw.emit("add", square.reference, two.reference);
}
