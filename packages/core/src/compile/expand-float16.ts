import { float16Bits, roundToFloat16 } from "../float16.ts";
import {
  type Expression,
  expressionsOf,
  kernelExpressions,
  type LoopKernel,
  type Phase,
  phaseRoots,
  type ScalarInstruction,
} from "./kernel.ts";
import { KernelBuilder } from "./kernel-builder.ts";

/**
 * Writes a kernel's conversions from and to float16 as arithmetic on bits, for machines that have none. All roundings are
 * to the nearest, halves to even.
 *
 * @param memory - how the kernel takes a float16 from memory and leaves it there: as an i32 of its bits; or converted by
 *   whoever carries loads and stores out, so that it is an f32 in the kernel, rounded by calls of {@link roundToFloat16}
 */
export const expandFloat16 = (kernel: LoopKernel, memory: "bits" | "converted" = "bits"): LoopKernel =>
  kernelExpressions(kernel).some(({ type }) => type === "f16")
    ? new Expansion(memory === "bits").kernel(kernel)
    : kernel;

type Instruction = Extract<Expression, { kind: "instruction" }>;

const isConversion = (e: Expression): e is Instruction =>
  e.kind === "instruction" && e.instruction === "convert";

/** The instructions that make of float16 only float16. */
const keepsFloat16: readonly ScalarInstruction[] = ["neg", "abs", "min", "max", "floor", "ceil"];

class Expansion {
  private readonly k = new KernelBuilder();
  private readonly carried = new Map<Expression, Expression>();
  /** Those of type f32 that rounding to float16 leaves as they are. */
  private readonly halves = new Set<Expression>();
  private readonly isPacked: boolean;

  constructor(isPacked: boolean) {
    this.isPacked = isPacked;
  }

  kernel(kernel: LoopKernel): LoopKernel {
    return { ...kernel, phases: kernel.phases.map((phase) => this.phase(phase)) };
  }

  private phase({ loops, accumulators, stores }: Phase): Phase {
    for (const expression of expressionsOf(phaseRoots({ accumulators, stores }))) {
      if (expression.type === "f32" && this.isHalf(expression)) this.halves.add(expression);
      this.carried.set(expression, this.expand(expression));
    }
    return {
      loops,
      accumulators: accumulators.map((fold) => ({ ...fold, value: this.of(fold.value) })),
      stores: stores.map((store) => ({
        ...store,
        value: this.isPacked ? this.k.bits(this.of(store.value), store.value.type) : this.of(store.value),
      })),
    };
  }

  private of(expression: Expression): Expression {
    return this.carried.get(expression)!;
  }

  private isHalf(expression: Expression): boolean {
    if (expression.kind === "constant") return Object.is(roundToFloat16(expression.value), expression.value);
    if (expression.kind !== "instruction") return false;
    const { instruction, operands } = expression;
    if (instruction === "convert") return operands[0]!.type === "f16";
    const isKept = (operand: Expression) => this.halves.has(operand);
    return instruction === "select"
      ? operands.slice(1).every(isKept)
      : keepsFloat16.includes(instruction) && operands.every(isKept);
  }

  private expand(expression: Expression): Expression {
    const { k, isPacked } = this;
    const { type } = expression;
    const isFloat16 = type === "f16";
    switch (expression.kind) {
      case "load": {
        const { shift, buffer, access } = expression;
        const stored = isFloat16 && !isPacked ? "f32" : type;
        const load = k.load(buffer, access, stored, shift && { ...shift, by: this.of(shift.by) });
        return k.bits(load, stored === "f16" ? "i32" : stored);
      }
      case "scalar":
        return isFloat16 ? this.rounded(k.scalar(expression.index, "f32")) : k.scalar(expression.index, type);
      case "constant": {
        const { value } = expression;
        if (!isFloat16) return k.constant(value, type);
        return isPacked ? k.constant(float16Bits(value), "i32") : k.constant(roundToFloat16(value), "f32");
      }
      case "index":
        return k.index(expression.access);
      case "accumulated":
        return k.accumulated(expression.index, type);
      default: {
        const operands = expression.operands.map((operand) => this.of(operand));
        if (!isConversion(expression))
          return k.rebuild(
            isFloat16 ? { ...expression, type: isPacked ? "i32" : "f32" } : expression,
            operands,
          );
        const source = expression.operands[0]!;
        if (isFloat16) return this.narrowed(source);
        return k.convert(source.type === "f16" ? this.widened(source) : operands[0]!, type);
      }
    }
  }

  /** The float16 nearest to a number; what it was made of, where it was one. */
  private narrowed(x: Expression): Expression {
    const isOfFloat16 = isConversion(x) && x.type === "f32" && x.operands[0]!.type === "f16";
    return isOfFloat16 ? this.of(x.operands[0]!) : this.rounded(this.asFloat32(x));
  }

  private rounded(x: Expression): Expression {
    return this.isPacked
      ? round(this.k, x, true)
      : this.k.call("roundToFloat16", (y) => roundToFloat16(y!), "f32", [x]);
  }

  /** An f16 as an f32; what was an f32 before is rounded, if need be, without a detour over its bits in memory. */
  private widened(half: Expression): Expression {
    const { k } = this;
    // The caller has rounded it.
    if (half.kind === "scalar") return k.scalar(half.index, "f32");
    const source = isConversion(half) ? half.operands[0]! : null;
    if (source !== null && this.halves.has(source)) return this.of(source);
    if (!this.isPacked) return this.of(half);
    return source === null ? widen(k, this.of(half)) : k.bits(round(k, this.asFloat32(source), false), "f32");
  }

  /** A number as an f32 that rounds to the same float16. Integers in the range of float16 are exact. */
  private asFloat32(x: Expression): Expression {
    return x.type === "f64" ? roundToOdd(this.k, this.of(x)) : this.k.convert(this.of(x), "f32");
  }
}

const infinity = 0x7f800000;
/** Of 2^-14, the smallest normal float16. */
const smallestNormal = 0x38800000;
/** Of 65520, from which on numbers are nearer to 2^16, an infinity, than to the largest float16. */
const overflow = 0x477ff000;
/** What the exponents of the two formats differ by: float32 counts from 127, float16 from 15. */
const rebias = 112 << 23;

/** The float16 nearest to an f32, as the bits of float16 or else of that number as an f32. */
function round(k: KernelBuilder, x: Expression, inFloat16: boolean): Expression {
  const c = (value: number) => k.constant(value, "i32");
  const bits = k.and(k.bits(x, "i32"), c(0x7fffffff));
  // 13 bits are dropped: half a place of what stays is added before, less where it is even.
  const up = k.add(bits, k.add(k.and(k.shr(bits, c(13)), c(1)), c(0xfff)));
  const normal = inFloat16 ? k.shr(k.add(up, c(-rebias)), c(13)) : k.and(up, c(-0x2000));
  // Beside 1/2 the gaps of float32 are those of denormal float16, so that the sum is rounded to them.
  const half = k.constant(0.5, "f32");
  const sum = k.add(k.bits(bits, "f32"), half);
  const denormal = inFloat16 ? k.sub(k.bits(sum, "i32"), c(0x3f000000)) : k.bits(k.sub(sum, half), "i32");
  const finite = k.select(k.lt(bits, c(smallestNormal)), denormal, normal);
  const [infinite, nan] = inFloat16 ? [c(0x7c00), c(0x7e00)] : [c(infinity), bits];
  const magnitude = k.select(
    k.lt(bits, c(overflow)),
    finite,
    k.select(k.gt(bits, c(infinity)), nan, infinite),
  );
  const sign = k.xor(k.bits(x, "i32"), bits);
  return k.or(inFloat16 ? k.shr(sign, c(16)) : sign, magnitude);
}

/**
 * The f32 that is a float16, given its bits: in the place of those of an f32 they are the same number but for the exponent,
 * also of denormal ones. Only memory of f16 asks for this, and who has that computes with denormal numbers.
 */
function widen(k: KernelBuilder, half: Expression): Expression {
  const c = (value: number) => k.constant(value, "i32");
  const bits = k.and(half, c(0x7fff));
  const shifted = k.shl(bits, c(13));
  const finite = k.bits(k.mul(k.bits(shifted, "f32"), k.constant(2 ** 112, "f32")), "i32");
  const magnitude = k.select(k.lt(bits, c(0x7c00)), finite, k.or(shifted, c(infinity)));
  return k.bits(k.or(k.shl(k.xor(half, bits), c(16)), magnitude), "f32");
}

/**
 * An f64 as an f32 that a second rounding to float16 takes where it would take the f64: where it is not exact, the
 * neighbour whose last bit is set, which no number half way between two float16 has (Boldo and Melquiond 2008).
 */
function roundToOdd(k: KernelBuilder, x: Expression): Expression {
  const c = (value: number) => k.constant(value, "i32");
  const nearest = k.convert(x, "f32");
  const [bits, back] = [k.bits(nearest, "i32"), k.convert(nearest, "f64")];
  const isEven = k.eq(k.and(bits, c(1)), c(0));
  const outwards = k.convert(k.lt(k.abs(back), k.abs(x)), "i32");
  const inwards = k.convert(k.gt(k.abs(back), k.abs(x)), "i32");
  return k.bits(k.select(isEven, k.add(bits, k.sub(outwards, inwards)), bits), "f32");
}
