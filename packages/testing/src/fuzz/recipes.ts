import * as amari from "@amari/core";
import { type Definition, type Domain, type DType, dtypes, operations, type Tensor } from "@amari/core";
import type { Draw, Value } from "./draw.ts";
import type { Argument } from "./random-program.ts";

/** How a use of an operation is made: adds one call, and perhaps some before it, or does nothing where nothing fits. */
export type Recipe = (draw: Draw) => void;

const isFloat = ({ dtype }: Tensor): boolean => dtype === "float32" || dtype === "float64";
const isInteger = ({ dtype }: Tensor): boolean => dtype === "int32" || dtype === "uint32";
const ranked = ({ rank }: Tensor): boolean => rank > 0;

// ---- Elementwise: derived from the rows of the table ----

const anyNumber: Domain = { kind: "real", low: -2, high: 2, except: [] };

/** Operations that stay within bounds, or that are meant to be met by any number. */
const wholeLine = (domain: Domain): boolean => domain.low <= -2 && domain.high === 2;

/** Clips a float into the domain that an operation is sampled from, mostly: a logarithm of anything is mostly NaN. */
function within(draw: Draw, value: Value, domain: Domain): Value {
  if (domain.kind !== "real" || !isFloat(value.tensor) || wholeLine(domain) || draw.below(2) === 0)
    return value;
  return draw.emit("clip", value.reference, domain.low, domain.high) ?? value;
}

const broadcastsWith =
  (shape: readonly number[]) =>
  (other: readonly number[]): boolean =>
    other.every((n, i) => {
      const beside = shape[i - other.length + shape.length] ?? 1;
      return n === beside || n === 1 || beside === 1;
    });

function elementwiseRecipe({ name, cases }: Definition): Recipe {
  const domains = cases[0]!.operands.map(({ domain }) => domain ?? anyNumber);
  const accepts = acceptedBy(name, domains);
  return (draw) => {
    const operands: Argument[] = [];
    let shape: readonly number[] = [];
    for (const [i, domain] of domains.entries()) {
      const fits = broadcastsWith(shape);
      const found = draw.value((x) => accepts(x.dtype, domain) && fits(x.shape));
      const isNumber = i > 0 && domain.kind === "real" && draw.below(6) === 5;
      if (isNumber || found === undefined) {
        if (i === 0) return;
        operands.push(domain.kind === "bool" ? true : draw.pick([1, 2, 3, 0.5])!);
        continue;
      }
      const value = within(draw, found, domain);
      operands.push(value.reference);
      if (value.tensor.rank > shape.length) shape = value.tensor.shape;
    }
    draw.emit(name, ...operands);
  };
}

/** Which dtypes an operation takes: those for which its call builds. */
function acceptedBy(name: string, domains: readonly Domain[]): (dtype: DType, domain: Domain) => boolean {
  const call = (amari as unknown as Record<string, (...args: Tensor[]) => Tensor>)[name]!;
  const taken = dtypes.filter((dtype) => {
    try {
      call(
        ...domains.map(({ kind }) => amari.zeros([1], { dtype: kind === "bool" ? "bool" : dtype }) as Tensor),
      );
      return true;
    } catch {
      return false;
    }
  });
  return (dtype, { kind }) => (kind === "bool" ? dtype === "bool" : taken.includes(dtype));
}

// ---- By signature ----

/** `(x, axis, options)`: over one axis, some, or all. */
const overAxes =
  (name: string): Recipe =>
  (draw) => {
    // The derivative of a product takes memory of the square of its factors.
    const x = draw.value(({ size }) => name !== "prod" || size <= 600);
    if (x === undefined) return;
    const axes = draw.subset(x.tensor.rank);
    const axis = axes.length === 0 ? [] : [axes.length === 1 ? axes[0]! : axes];
    const keepDims = draw.below(3) === 2;
    if (keepDims) draw.emit(name, x.reference, axis[0] ?? axes, { keepDims });
    else draw.emit(name, x.reference, ...axis);
  };

/** `(x, axis)`. */
const alongAxis =
  (name: string, options: readonly Argument[] = []): Recipe =>
  (draw) => {
    const x = draw.value(ranked);
    if (x === undefined) return;
    const axis = draw.below(x.tensor.rank);
    const option = draw.pick([undefined, ...options]);
    draw.emit(name, x.reference, axis, ...(option === undefined ? [] : [option]));
  };

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

const views: Readonly<Record<string, Recipe>> = {
  reshape: (draw) => {
    const x = draw.value();
    if (x !== undefined) draw.emit("reshape", x.reference, draw.pick(factorings(x.tensor.size))!);
  },
  permute: (draw) => {
    const x = draw.value(({ rank }) => rank > 1);
    if (x !== undefined) draw.emit("permute", x.reference, draw.permutation(x.tensor.rank));
  },
  flip: (draw) => {
    const x = draw.value(ranked);
    if (x !== undefined) draw.emit("flip", x.reference, draw.subset(x.tensor.rank));
  },
  slice: (draw) => {
    const x = draw.value(ranked);
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
    const x = draw.value(ranked);
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
};

/** The matrices among the values as they are and transposed, which a kernel reads in place. */
function matrices(draw: Draw): { readonly value: Value; readonly transposed: boolean }[] {
  const found = draw.values.filter(({ tensor }) => tensor.rank >= 2 && tensor.dtype !== "bool").reverse();
  return found.flatMap((value) => [
    { value, transposed: false },
    { value, transposed: true },
  ]);
}

const contractions: Readonly<Record<string, Recipe>> = {
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
};

/** Integers that are indices of an axis: any, reduced modulo its length, with some from the end. */
function indicesFor(draw: Draw, length: number, rankLimit: number): Value | undefined {
  const found = draw.value((x) => isInteger(x) && x.rank <= rankLimit && x.size <= 70);
  return found && draw.emit("mod", found.reference, length);
}

const gathering: Readonly<Record<string, Recipe>> = {
  concat: (draw) => {
    const x = draw.value(ranked);
    if (x === undefined) return;
    const axis = draw.below(x.tensor.rank);
    const rest = x.tensor.shape.toSpliced(axis, 1).join();
    const fits = (y: Tensor) => y.rank === x.tensor.rank && y.shape.toSpliced(axis, 1).join() === rest;
    const others = Array.from({ length: 1 + draw.below(3) }, () => draw.value(fits)!.reference);
    draw.emit("concat", [x.reference, ...others], axis);
  },
  stack: (draw) => {
    const x = draw.value();
    if (x === undefined) return;
    const other = draw.value((y) => y.shape.join() === x.tensor.shape.join())!;
    draw.emit("stack", [x.reference, other.reference], draw.below(x.tensor.rank + 1));
  },
  take: (draw) => {
    const x = draw.value(({ rank, size }) => rank > 0 && size > 0);
    if (x === undefined) return;
    const axis = draw.below(x.tensor.rank);
    const indices = indicesFor(draw, x.tensor.shape[axis]!, 2);
    if (indices !== undefined) draw.emit("take", x.reference, indices.reference, axis);
  },
  oneHot: (draw) => {
    const indices = indicesFor(draw, 4, 2);
    if (indices !== undefined) draw.emit("oneHot", indices.reference, draw.pick([5, 3, 4])!);
  },
  recurrence: (draw) => {
    const x = draw.value((y) => isFloat(y) && y.rank > 0 && y.shape[0]! < 20);
    if (x !== undefined) draw.emit("recurrence", x.reference);
  },
  astype: (draw) => {
    const x = draw.value();
    if (x === undefined) return;
    // A float of another width only where there is one already, so that programs of one width exist.
    const floats = new Set(draw.values.map(({ tensor }) => tensor.dtype));
    const targets = dtypes.filter((dtype) => !dtype.startsWith("float") || floats.has(dtype));
    draw.emit("astype", x.reference, draw.pick(targets)!);
  },
};

const signatures: readonly (readonly [recipe: (name: string) => Recipe, names: readonly string[]])[] = [
  [overAxes, ["sum", "mean", "max", "min", "prod", "variance", "logSumExp", "any", "all"]],
  [(name) => alongAxis(name), ["softmax", "logSoftmax", "argmax", "argmin", "sort", "argsort"]],
  [(name) => alongAxis(name, [{ reverse: true }]), ["cumsum", "cumprod", "cummax", "cummin", "cumLogSumExp"]],
];

/** Composites of the table that work elementwise, beside all that its rows say are. */
const elementwiseComposites: readonly string[] = ["relu", "silu", "leakyRelu", "elu", "gelu"];

/** Not called with tensors alone, or made by a recipe of its own. */
const notElementwise: readonly string[] = ["astype", "polygamma"];

/** What most programs are made of. */
const common: readonly string[] = (
  "add sub mul div neg maximum exp tanh sqrt where gt relu sigmoid square sum mean max softmax cumsum sort reshape " +
  "permute flip slice pad broadcastTo matmul concat astype"
).split(" ");

/** The names of {@link recipes}, the common ones several times. */
export const weightedNames = (all: ReadonlyMap<string, Recipe>): string[] => [
  ...all.keys(),
  ...Array.from({ length: 5 }, () => common).flat(),
];

/** The ways to add an operation to a program, by name; the plainest first, since failures shrink towards it. */
export function recipes(): ReadonlyMap<string, Recipe> {
  const elementwise = [...operations.values()].filter(
    ({ name, family }) =>
      (family === "elementwise" || elementwiseComposites.includes(name)) &&
      !notElementwise.includes(name) &&
      name in amari,
  );
  return new Map([
    ...elementwise.map((definition) => [definition.name, elementwiseRecipe(definition)] as const),
    ...signatures.flatMap(([recipe, names]) => names.map((name) => [name, recipe(name)] as const)),
    ...Object.entries({ ...views, ...contractions, ...gathering }),
  ]);
}
