import {
  type Accumulator,
  type Affine,
  combineScalars,
  type Expression,
  type LoopKernel,
  type ScalarInstruction,
  type ScalarType,
  type TypedArray,
} from "@amari/core/backend";

/** A value of a kernel: an i64 is a bigint, a bool is 0 or 1. */
type Value = number | bigint;
type Compute = () => Value;

/**
 * Runs a kernel in JavaScript: what a device without 64-bit types, or without the function of the host that it calls, leaves
 * to the host.
 *
 * @param data the elements of each buffer that the kernel reads or writes; a bool is 0 or 1
 * @param fusesProducts whether the device rounds a product and its sum once: what is fused with an operation for the host must
 *   have the bits that it has on the device
 */
export function runKernel(
  kernel: LoopKernel,
  data: ReadonlyMap<number, TypedArray>,
  scalars: readonly number[],
  fusesProducts: boolean,
): void {
  new KernelRunner(data, scalars, fusesProducts).run(kernel);
}

class KernelRunner {
  private readonly data: ReadonlyMap<number, TypedArray>;
  private readonly scalars: readonly number[];
  private readonly fusesProducts: boolean;
  private readonly counters: number[] = [];
  private readonly results = new Map<number, Value>();
  /** How many points of the loops have been begun. */
  private point = 0;

  constructor(data: ReadonlyMap<number, TypedArray>, scalars: readonly number[], fusesProducts: boolean) {
    this.data = data;
    this.scalars = scalars;
    this.fusesProducts = fusesProducts;
  }

  run({ loops, phases }: LoopKernel): void {
    const prepared = phases.map((phase) => {
      const known = new Map<Expression, Compute>();
      const folds = phase.accumulators.map((a) => ({ a, value: this.compile(a.value, known) }));
      const stores = phase.stores.map(({ buffer, access, value }) => ({
        target: this.data.get(buffer)!,
        place: this.place(access),
        value: this.compile(value, known),
      }));
      return { extents: phase.loops, folds, stores };
    });
    this.forEach(loops, 0, () => {
      for (const { extents, folds, stores } of prepared) {
        const sums = folds.map(({ a }): Value => a.initial);
        this.forEach(extents, loops.length, () => {
          this.point++;
          folds.forEach(({ a, value }, i) => {
            sums[i] = combined(a, sums[i]!, value());
          });
          const values = stores.map(({ value }) => value());
          stores.forEach(({ target, place }, i) => {
            target[place()] = Number(values[i]);
          });
        });
        folds.forEach(({ a }, i) => {
          this.results.set(a.index, sums[i]!);
        });
      }
    });
  }

  private forEach(extents: readonly number[], first: number, body: () => void, loop = 0): void {
    if (loop === extents.length) {
      body();
      return;
    }
    for (let i = 0; i < extents[loop]!; i++) {
      this.counters[first + loop] = i;
      this.forEach(extents, first, body, loop + 1);
    }
  }

  private place({ offset, strides }: Affine): () => number {
    return () =>
      strides.reduce((at, stride, loop) => at + stride * (stride === 0 ? 0 : this.counters[loop]!), offset);
  }

  private compile(expression: Expression, known: Map<Expression, Compute>): Compute {
    let compute = known.get(expression);
    if (compute === undefined) {
      compute = this.oncePerPoint(this.compileNew(expression, known));
      known.set(expression, compute);
    }
    return compute;
  }

  /** Expressions share their operands: each computed by whoever asks, one value would cost as much as all paths to it. */
  private oncePerPoint(compute: Compute): Compute {
    let [at, value]: [number, Value] = [0, 0];
    return () => {
      if (at !== this.point) {
        value = compute();
        at = this.point;
      }
      return value;
    };
  }

  private compileNew(e: Expression, known: Map<Expression, Compute>): Compute {
    switch (e.kind) {
      case "constant": {
        const value = e.type === "i64" ? BigInt(e.value) : rounded(e.value, e.type);
        return () => value;
      }
      case "scalar":
        return () => rounded(this.scalars[e.index]!, e.type);
      case "index":
        return this.place(e.access);
      case "accumulated":
        return () => this.results.get(e.index)!;
      case "load": {
        const data = this.data.get(e.buffer)!;
        const place = this.place(e.access);
        if (e.shift === undefined) return () => data[place()]!;
        const { stride } = e.shift;
        const by = this.compile(e.shift.by, known) as () => number;
        return () => data[place() + stride * by()]!;
      }
      case "call": {
        const operands = e.operands.map((operand) => this.compile(operand, known));
        return () => rounded(Number(e.call(...operands.map((operand) => Number(operand())))), e.type);
      }
      case "instruction": {
        const operands = e.operands.map((operand) => this.compile(operand, known));
        const types = [e.type, e.operands[0]!.type] as const;
        if (e.instruction === "select" || e.instruction === "rarely") {
          const [condition, x, y] = operands as [Compute, Compute, Compute];
          return () => (condition() ? x() : y());
        }
        const [x, y, z] = operands as [Compute, Compute?, Compute?];
        const isRoundedTwice = e.instruction === "fma" && e.type === "f32" && !this.fusesProducts;
        const run = isRoundedTwice ? multiplyThenAdd : instructions[e.instruction];
        return () => run(types, x(), y?.() as never, z?.() as never);
      }
    }
  }
}

function combined({ combine, type }: Accumulator, x: Value, y: Value): Value {
  if (combine === "mul" && (type === "i32" || type === "u32"))
    return rounded(Math.imul(Number(x), Number(y)), type);
  return rounded(combineScalars[combine](Number(x), Number(y)), type);
}

const modulo = 2n ** 64n;

/** A number as a type holds it; integers wrap. */
function rounded(value: number, type: ScalarType): number {
  switch (type) {
    case "f32":
      return Math.fround(value);
    case "i32":
      return value | 0;
    case "u32":
      return value >>> 0;
    case "bool":
      return Number(value !== 0);
    default:
      return value;
  }
}

type Types = readonly [to: ScalarType, from: ScalarType];
type Run = (types: Types, x: Value, y: Value, z: Value) => Value;

const onNumbers =
  (f: (x: number, y: number, z: number) => number): Run =>
  ([to], x, y, z) =>
    rounded(f(x as number, y as number, z as number), to);

const either =
  (onNumber: (x: number, y: number) => number, onWide: (x: bigint, y: bigint) => bigint): Run =>
  ([to], x, y) =>
    to === "i64"
      ? BigInt.asIntN(64, onWide(x as bigint, y as bigint))
      : rounded(onNumber(x as number, y as number), to);

const compared =
  (f: (x: Value, y: Value) => boolean): Run =>
  (_, x, y) =>
    Number(f(x, y));

const multiplyThenAdd: Run = onNumbers((x, y, z) => Math.fround(x * y) + z);

const roundHalfEven = (x: number): number => {
  const nearest = Math.round(x);
  if (Math.abs(x - Math.trunc(x)) !== 0.5) return nearest;
  const even = 2 * Math.round(x / 2);
  // A zero keeps the sign of x.
  return even === 0 ? Math.trunc(x / 2) : even;
};

const instructions: { readonly [I in Exclude<ScalarInstruction, "select" | "rarely">]: Run } = {
  add: either(
    (x, y) => x + y,
    (x, y) => x + y,
  ),
  sub: either(
    (x, y) => x - y,
    (x, y) => x - y,
  ),
  mul: (types, x, y) =>
    types[0] === "i32" || types[0] === "u32"
      ? rounded(Math.imul(x as number, y as number), types[0])
      : either(
          (a, b) => a * b,
          (a, b) => a * b,
        )(types, x, y, 0),
  div: onNumbers((x, y) => x / y),
  neg: either(
    (x) => -x,
    (x) => -x,
  ),
  abs: either(Math.abs, (x) => (x < 0n ? -x : x)),
  sqrt: onNumbers(Math.sqrt),
  min: onNumbers((x, y) => Math.min(x, y)),
  max: onNumbers((x, y) => Math.max(x, y)),
  floor: onNumbers(Math.floor),
  ceil: onNumbers(Math.ceil),
  trunc: onNumbers(Math.trunc),
  nearest: onNumbers(roundHalfEven),
  eq: compared((x, y) => x === y),
  ne: compared((x, y) => x !== y),
  lt: compared((x, y) => x < y),
  le: compared((x, y) => x <= y),
  gt: compared((x, y) => x > y),
  ge: compared((x, y) => x >= y),
  and: either(
    (x, y) => x & y,
    (x, y) => x & y,
  ),
  or: either(
    (x, y) => x | y,
    (x, y) => x | y,
  ),
  xor: either(
    (x, y) => x ^ y,
    (x, y) => x ^ y,
  ),
  not: (types, x) =>
    types[0] === "bool"
      ? Number(!x)
      : either(
          (n) => ~n,
          (n) => ~n,
        )(types, x, 0, 0),
  shl: either(
    (x, y) => x << y,
    (x, y) => x << (y & 63n),
  ),
  shr: either(
    (x, y) => x >>> y,
    (x, y) => BigInt.asUintN(64, x) >> (y & 63n),
  ),
  fma: onNumbers((x, y, z) => x * y + z),
  convert: ([to, from], x) => converted(Number(x), from, to),
  bits: ([to, from], x) => reinterpreted(x, from, to),
};

/** A float becomes an integer modulo 2^32; what is beyond 64 bits, or NaN, becomes 0. */
function converted(x: number, from: ScalarType, to: ScalarType): number {
  const isWrapped = (to === "i32" || to === "u32") && (from === "f32" || from === "f64");
  if (isWrapped) return Math.abs(x) < 2 ** 63 ? rounded(Number(BigInt(Math.trunc(x)) % modulo), to) : 0;
  return to === "bool" ? Number(x !== 0) : rounded(x, to);
}

const view = new DataView(new ArrayBuffer(8));

function reinterpreted(x: Value, from: ScalarType, to: ScalarType): Value {
  if (from === "f64") view.setFloat64(0, x as number);
  else if (from === "f32") view.setFloat32(0, x as number);
  else if (from === "i64") view.setBigInt64(0, x as bigint);
  else view.setInt32(0, x as number);
  if (to === "f64") return view.getFloat64(0);
  if (to === "f32") return view.getFloat32(0);
  if (to === "i64") return view.getBigInt64(0);
  return to === "u32" ? view.getUint32(0) : view.getInt32(0);
}
