import type { KernelBuilder } from "../compile/kernel-builder.ts";
import { scalarTypeOf } from "../compile/kernel-builder.ts";
import { scalar } from "../define/coerce.ts";
import { apply, type Primitive } from "../define/primitive.ts";
import {
  checkDType,
  checkHeld,
  type DType,
  dtypeOfTypedArray,
  isFloat,
  type Nested,
  type TypedArray,
  toTypedArray,
} from "../dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "../errors/errors.ts";
import type { Kernel } from "../operation.ts";
import { checkShape, resolveAxis, showShape, sizeOf } from "../shape.ts";
import type { NestedCheck, NestedShape, Shape } from "../shape-types.ts";
import { fromData, type Tensor } from "../tensor.ts";

/** Which dtype a creation function gives its result; float32 unless said. */
export interface DTypeOption {
  readonly dtype?: DType;
}

/** Options of {@link tensor}. */
export interface TensorOptions<S extends Shape = Shape> extends DTypeOption {
  /** The shape, for flat data; by default the shape of the nesting. */
  readonly shape?: S;
}

/**
 * A tensor of host data, which is copied at once: a number, a boolean, nested arrays of them, or a typed array.
 *
 * The dtype is that of the typed array, bool for booleans, else float32.
 *
 * @example tensor([[1, 2], [3, 4]]) // Tensor<[2, 2]>
 * @example tensor(new Float64Array(6), { shape: [2, 3] })
 * @throws ShapeError for ragged arrays, or where the number of elements does not fit the shape
 * @throws DTypeError for a typed array without a dtype, or numbers that an integer dtype cannot hold
 */
export function tensor<const S extends Shape>(
  data: TypedArray | readonly number[] | readonly boolean[],
  options: TensorOptions<S> & { readonly shape: S },
): Tensor<[...S]>;
export function tensor(data: TypedArray, options?: DTypeOption): Tensor<[number]>;
export function tensor<const T extends Nested>(
  data: T & NestedCheck<T>,
  options?: DTypeOption,
): Tensor<NestedShape<T>>;
export function tensor(data: Nested | TypedArray, options: TensorOptions = {}): Tensor {
  const dtype = options.dtype === undefined ? inferDType(data) : checkDType(options.dtype);
  const { values, shape } = ArrayBuffer.isView(data)
    ? { values: data, shape: [data.length] }
    : flattenNested(data);
  const target = checkShape(options.shape ?? shape);
  if (sizeOf(target) !== values.length) {
    throw new ShapeError(`tensor: ${values.length} elements do not fill the shape ${showShape(target)}`);
  }
  return fromData(convertElements(values, dtype), [...target], dtype);
}

function inferDType(data: Nested | TypedArray): DType {
  if (ArrayBuffer.isView(data)) return dtypeOfTypedArray(data);
  let first: Nested = data;
  while (Array.isArray(first)) first = (first as readonly Nested[])[0]!;
  return typeof first === "boolean" ? "bool" : "float32";
}

function convertElements(values: ArrayLike<number>, dtype: DType): TypedArray {
  if (dtype === "bool") return Uint8Array.from(values, (value) => Number(value !== 0));
  if (isFloat(dtype)) return toTypedArray(dtype, values);
  const converted = toTypedArray(dtype, values);
  for (let i = 0; i < values.length; i++) {
    if (converted[i] !== values[i]) {
      throw new DTypeError(
        `tensor: element ${i} is ${values[i]}, which ${dtype} cannot hold; use a float dtype, or round it first`,
      );
    }
  }
  return converted;
}

function flattenNested(data: Nested): { values: number[]; shape: number[] } {
  const shape: number[] = [];
  for (let level: Nested = data; Array.isArray(level); level = (level as readonly Nested[])[0]!) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const values: number[] = [];
  const visit = (item: Nested, axis: number): void => {
    if (Array.isArray(item)) {
      if (item.length !== shape[axis]) {
        const expected = axis < shape.length ? `an array of ${shape[axis]}` : "a number";
        throw new ShapeError(
          `tensor: ragged nesting at depth ${axis}: expected ${expected}, got an array of ${item.length}`,
        );
      }
      for (const inner of item) visit(inner, axis + 1);
      return;
    }
    if (axis !== shape.length)
      throw new ShapeError(`tensor: ragged nesting: a number at depth ${axis} of ${shape.length}`);
    if (typeof item !== "number" && typeof item !== "boolean") {
      throw new ArgumentError(
        `tensor: expected numbers or booleans, got ${item === null ? "null" : typeof item}`,
      );
    }
    values.push(Number(item));
  };
  visit(data, 0);
  return { values, shape };
}

/** A tensor of the given shape with every element `value`. */
export function full<const S extends Shape>(
  shape: S,
  value: number | boolean,
  { dtype }: DTypeOption = {},
): Tensor<[...S]> {
  checkShape(shape);
  const given = checkDType(dtype ?? (typeof value === "boolean" ? "bool" : "float32"));
  const filled = scalar(given === "bool" ? value : checkHeld(Number(value), given), given);
  return filled.broadcastTo(shape) as Tensor as Tensor<[...S]>;
}

interface Literal {
  readonly value: number;
  readonly dtype: DType;
}

/**
 * A number that is part of a program, unlike a constant: what the compiler may reckon with. For the zeros and ones that
 * rules of differentiation make in plenty.
 */
const literalPrimitive: Primitive<Literal> = {
  name: "literal",
  kernel: {
    kind: "elementwise",
    scalar:
      ({ value }: Literal) =>
      () =>
        value,
    lower:
      ({ value, dtype }: Literal) =>
      (k: KernelBuilder) =>
        k.constant(value, scalarTypeOf(dtype)),
  } as Kernel,
  type: (_, { dtype }) => ({ shape: [], dtype }),
  jvp: { notDifferentiable: "it has no operands" },
  batch: () => {
    throw new Error("a literal has no operands to batch");
  },
};

const filledWith =
  (value: number) =>
  <const S extends Shape>(shape: S, { dtype = "float32" }: DTypeOption = {}): Tensor<[...S]> => {
    checkShape(shape);
    const literal = apply(literalPrimitive, [], { value, dtype: checkDType(dtype) });
    return literal.broadcastTo(shape) as Tensor as Tensor<[...S]>;
  };

/** A tensor of zeros. */
export const zeros: <const S extends Shape>(shape: S, options?: DTypeOption) => Tensor<[...S]> =
  filledWith(0);

/** A tensor of ones. */
export const ones: <const S extends Shape>(shape: S, options?: DTypeOption) => Tensor<[...S]> = filledWith(1);

/** Zeros of the shape and dtype of x. */
export const zerosLike = <S extends Shape>(x: Tensor<S>): Tensor<S> =>
  zeros(x.shape, { dtype: x.dtype }) as Tensor as Tensor<S>;

/** Ones of the shape and dtype of x. */
export const onesLike = <S extends Shape>(x: Tensor<S>): Tensor<S> =>
  ones(x.shape, { dtype: x.dtype }) as Tensor as Tensor<S>;

interface Iota {
  readonly shape: Shape;
  readonly axis: number;
  readonly dtype: DType;
}

/** The index along one axis; computed, so it takes no memory of its own. */
const iotaPrimitive: Primitive<Iota> = {
  name: "iota",
  kernel: { kind: "iota" },
  type: (_, { shape, dtype }) => ({ shape, dtype }),
  jvp: { notDifferentiable: "it has no operands" },
  batch: () => {
    throw new Error("iota has no operands to batch");
  },
};

/** A tensor whose element at every place is its index along `axis`; int32 unless said, of bools whether it is not 0. */
export function iota<const S extends Shape>(
  shape: S,
  axis = 0,
  { dtype = "int32" }: DTypeOption = {},
): Tensor<[...S]> {
  const at = resolveAxis(axis, checkShape(shape).length, "iota");
  if (dtype === "bool") return (iota(shape, axis) as Tensor).ne(0) as Tensor as Tensor<[...S]>;
  return apply(iotaPrimitive, [], { shape, axis: at, dtype: checkDType(dtype) }) as Tensor as Tensor<[...S]>;
}

/**
 * The numbers from `start` (default 0) up to but excluding `end`, by `step`; int32 where all three are integers, else
 * float32, unless said.
 *
 * @example arange(3) // [0, 1, 2]
 */
export function arange(end: number, options?: DTypeOption): Tensor<[number]>;
export function arange(start: number, end: number, step?: number, options?: DTypeOption): Tensor<[number]>;
export function arange(
  first: number,
  second?: number | DTypeOption,
  step = 1,
  options: DTypeOption = {},
): Tensor<[number]> {
  const [start, end] = typeof second === "number" ? [first, second] : [0, first];
  const { dtype } = typeof second === "object" ? second : options;
  if (![start, end, step].every(Number.isFinite) || step === 0) {
    throw new ArgumentError(
      `arange: expected finite numbers and a step other than 0, got ${start}, ${end}, ${step}`,
    );
  }
  const length = Math.max(0, Math.ceil((end - start) / step));
  const result = dtype ?? ([start, step].every(Number.isInteger) ? "int32" : "float32");
  const index = iota([length], 0, { dtype: result }) as Tensor;
  return (start === 0 && step === 1 ? index : index.mul(step).add(start)) as Tensor<[number]>;
}

/** `count` numbers evenly spaced from `start` to `end`, both included. */
export function linspace(
  start: number,
  end: number,
  count: number,
  { dtype = "float32" }: DTypeOption = {},
): Tensor<[number]> {
  const data = new Float64Array(sizeOf(checkShape([count])));
  for (let i = 0; i < count; i++) data[i] = count === 1 ? start : start + ((end - start) * i) / (count - 1);
  if (count > 1) data[count - 1] = end;
  return fromData(toTypedArray(checkDType(dtype), data), [count], dtype);
}

/** The identity matrix of n rows, or a matrix of n x m with ones on its main diagonal. */
export function eye<N extends number, M extends number = N>(
  n: N,
  m?: M,
  { dtype = "float32" }: DTypeOption = {},
): Tensor<[N, M]> {
  const columns = m ?? n;
  const diagonal = (iota([n, columns], 0) as Tensor).eq(iota([n, columns], 1) as Tensor);
  return diagonal.astype(dtype) as Tensor as Tensor<[N, M]>;
}
