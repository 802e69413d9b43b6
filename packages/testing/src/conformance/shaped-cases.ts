import type { Case, Definition, DType, Tensor } from "@amari/core";
import type { Input } from "../fuzz/random-program.ts";
import type { TensorFunction } from "../fuzz/variants.ts";
import type { Uniform } from "../sample.ts";
import { inputFor, takes } from "./typed-cases.ts";

/** Sizes at which kernels go wrong: none, one, primes, and what stands around vectors and workgroups. */
const hardSizes: readonly number[] = [0, 1, 3, 4, 5, 13, 63, 64, 65, 255, 256, 257, 1021];

/** Sizes around the largest number of workgroups; of these each operation is asked for one. */
const largeSizes: readonly number[] = [65_535, 65_536, 65_537];

/** No operand of a generated case has more elements: the reference takes them one by one, many times. */
const mostElements = 140_000;

/** No result has more: where operands have an axis each, it has both. */
const mostResults = 1_100_000;

/** The longest axis of an operand that has it twice: the algorithms on square matrices take its cube. */
const longestSquare = 65;

/** The longest axis that several operands have where each element may meet each other, as in a convolution. */
const longestShared = 1021;

/** A case on operands of other shapes. */
export interface ShapedCase {
  readonly case: Case;
  readonly shapes: readonly (readonly number[])[];
  /** The size that was put in the place of another. */
  readonly size: number;
}

/** A way to make a case larger: all axes of one size, in whichever operand, get another one. */
interface Growth {
  readonly case: Case;
  readonly axis: number;
}

/**
 * Cases of an operation on other shapes: each axis of each case, with those it must agree with, grows to a share of the
 * {@link hardSizes | hard sizes} such that together they are tried of all that the operation takes.
 */
export function* shapedCases(
  { cases, family }: Definition,
  types: (c: Case) => readonly DType[],
  seed: number,
): Generator<ShapedCase> {
  const growths = cases.flatMap((c): Growth[] => {
    const axes = new Set(c.operands.flatMap(({ shape }) => shape).filter((n) => n > 1));
    return [...axes].map((axis) => ({ case: c, axis }));
  });
  const sizes = [...hardSizes, largeSizes[seed % largeSizes.length]!];
  const rounds = Math.max(1, Math.ceil(growths.length / sizes.length));
  for (const [i, size] of Array.from({ length: rounds }, () => sizes)
    .flat()
    .entries()) {
    // The first of the growths, from one on in turn, that the size fits.
    const inTurn = growths.map((_, j) => growths[(i + j + seed) % growths.length]!);
    for (const growth of inTurn) {
      const shapes = grown(growth, size, family === "elementwise");
      if (shapes === null || !takes(growth.case, shapes, types(growth.case), mostResults)) continue;
      yield { case: growth.case, shapes, size };
      break;
    }
  }
}

function grown(
  { case: c, axis }: Growth,
  size: number,
  isElementwise: boolean,
): (readonly number[])[] | null {
  const shapes = c.operands.map(({ shape }) => shape.map((n) => (n === axis ? size : n)));
  // Beside another axis of no length a size says nothing.
  if (size > 0 && shapes.some((shape) => shape.includes(0))) return null;
  const isSquare = c.operands.some(({ shape }) => shape.filter((n) => n === axis).length > 1);
  const isShared = c.operands.filter(({ shape }) => shape.includes(axis)).length > 1;
  const isTooLarge = shapes.some((shape) => shape.reduce((a, b) => a * b, 1) > mostElements);
  const longest = isSquare ? longestSquare : isShared && !isElementwise ? longestShared : Infinity;
  return isTooLarge || size > longest ? null : shapes;
}

/** A way to hand an operand over that is not an array in order, with the same meaning. */
export interface Layout {
  readonly name: string;
  /** The array of which {@link view} makes the operand. */
  readonly input: (given: Input) => Input;
  readonly view: (x: Tensor) => Tensor;
}

/** Operands as they are and as views, which a kernel must read by strides of its own. */
export const layouts: readonly [Layout, ...Layout[]] = [
  { name: "in order", input: (given) => given, view: (x) => x },
  { name: "permuted", input: transposed, view: (x) => x.transpose() },
  {
    name: "flipped",
    input: (given) => ({ ...given, values: Array.from(given.values).reverse() }),
    view: (x) => x.flip(),
  },
  {
    name: "cut out",
    input: ({ shape, dtype, values }) => {
      const [rows = 1, ...rest] = shape;
      const row = rest.reduce((a, b) => a * b, 1);
      // Rows of twice the length, of which the first half counts, and one too many before and behind.
      const ones = Array.from({ length: row }, () => 1);
      const wide = Array.from({ length: rows }, (_, i) => [
        ...Array.from({ length: row }, (_, j) => values[i * row + j]!),
        ...ones,
      ]);
      return {
        shape: [rows + 2, 2, ...rest],
        dtype,
        values: [...ones, ...ones, ...wide.flat(), ...ones, ...ones],
      };
    },
    view: (x) => x.slice([1, x.shape[0]! - 1], 0),
  },
];

function transposed({ shape, dtype, values }: Input): Input {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1)).reverse();
  const turned = shape.toReversed();
  const taken =
    values.length === 0
      ? []
      : Array.from({ length: values.length }, (_, at) => {
          let [place, rest] = [0, at];
          for (let axis = turned.length - 1; axis >= 0; axis--) {
            place += (rest % turned[axis]!) * strides[axis]!;
            rest = Math.floor(rest / turned[axis]!);
          }
          return values[place]!;
        });
  return { shape: turned, dtype, values: taken };
}

/** A function and inputs of the same meaning, its operands being views; scalars have but one layout. */
export function inLayout(
  { input, view }: Layout,
  f: TensorFunction,
  inputs: readonly Input[],
): { readonly f: TensorFunction; readonly inputs: readonly Input[] } {
  const isView = inputs.map(({ shape }) => shape.length > 0);
  return {
    f: (...x) => f(...x.map((operand, i) => (isView[i] ? view(operand) : operand))),
    inputs: inputs.map((given, i) => (isView[i] ? input(given) : given)),
  };
}

/** Inputs for a case on some shapes. */
export const inputsFor = (
  { operands }: Case,
  shapes: readonly (readonly number[])[],
  types: readonly DType[],
  uniform: Uniform,
): Input[] => operands.map((operand, i) => inputFor(operand, shapes[i]!, types[i]!, uniform));
