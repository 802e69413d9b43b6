import type { DType } from "../dtype.ts";
import type { Affine, Expression, ScalarFunction, ScalarInstruction, ScalarType, Shift } from "./kernel.ts";

/** The scalar type that holds a dtype. */
export const scalarTypeOf = (dtype: DType): ScalarType => scalarTypes[dtype];

/** The scalar type that an operation on a dtype computes in. */
export const arithmeticTypeOf = (dtype: DType): ScalarType =>
  dtype === "float16" ? "f32" : scalarTypes[dtype];

const scalarTypes: { readonly [D in DType]: ScalarType } = {
  float64: "f64",
  float32: "f32",
  float16: "f16",
  int32: "i32",
  uint32: "u32",
  bool: "bool",
};

const comparisons: ReadonlySet<ScalarInstruction> = new Set(["eq", "ne", "lt", "le", "gt", "ge"]);

/**
 * Builds the expressions of one kernel. Operations are lowered by calls on it: `(k, x, y) => k.add(x, y.mul...)` is
 * written `k.add(x, k.mul(x, y))`. Equal expressions come out as the same object.
 */
export class KernelBuilder {
  private readonly known = new Map<string, Expression>();
  private readonly ids = new Map<Expression, number>();

  /** How many expressions there are. */
  get size(): number {
    return this.ids.size;
  }

  /** A constant of a type; `like` may be an expression of that type. */
  constant(value: number, like: ScalarType | Expression): Expression {
    const type = typeof like === "string" ? like : like.type;
    const key = Object.is(value, -0) ? "-0" : String(value);
    return this.intern(`c${type}${key}`, { kind: "constant", type, value });
  }

  scalar(index: number, type: ScalarType): Expression {
    return this.intern(`s${type}${index}`, { kind: "scalar", type, index });
  }

  load(buffer: number, access: Affine, type: ScalarType, shift?: Shift): Expression {
    const moved = shift === undefined ? "" : `+${this.ids.get(shift.by)}*${shift.stride}`;
    return this.intern(`l${buffer}+${access.offset}:${access.strides.join()}${moved}`, {
      kind: "load",
      type,
      buffer,
      access,
      ...(shift && { shift }),
    });
  }

  index(access: Affine): Expression {
    return this.intern(`i${access.offset}:${access.strides.join()}`, { kind: "index", type: "i32", access });
  }

  accumulated(index: number, type: ScalarType): Expression {
    return this.intern(`a${index}`, { kind: "accumulated", type, index });
  }

  call(name: string, call: ScalarFunction, type: ScalarType, operands: readonly Expression[]): Expression {
    return this.intern(`f${name}${type}(${this.idsOf(operands)})`, {
      kind: "call",
      type,
      name,
      call,
      operands,
    });
  }

  add(x: Expression, y: Expression): Expression {
    return this.instruction("add", x, y);
  }
  sub(x: Expression, y: Expression): Expression {
    return this.instruction("sub", x, y);
  }
  mul(x: Expression, y: Expression): Expression {
    return this.instruction("mul", x, y);
  }
  div(x: Expression, y: Expression): Expression {
    return this.instruction("div", x, y);
  }
  min(x: Expression, y: Expression): Expression {
    return this.instruction("min", x, y);
  }
  max(x: Expression, y: Expression): Expression {
    return this.instruction("max", x, y);
  }
  neg(x: Expression): Expression {
    return this.instruction("neg", x);
  }
  abs(x: Expression): Expression {
    return this.instruction("abs", x);
  }
  sqrt(x: Expression): Expression {
    return this.instruction("sqrt", x);
  }
  floor(x: Expression): Expression {
    return this.instruction("floor", x);
  }
  ceil(x: Expression): Expression {
    return this.instruction("ceil", x);
  }
  trunc(x: Expression): Expression {
    return this.instruction("trunc", x);
  }
  /** The nearest integer, halves to even. */
  nearest(x: Expression): Expression {
    return this.instruction("nearest", x);
  }
  and(x: Expression, y: Expression): Expression {
    return this.instruction("and", x, y);
  }
  or(x: Expression, y: Expression): Expression {
    return this.instruction("or", x, y);
  }
  xor(x: Expression, y: Expression): Expression {
    return this.instruction("xor", x, y);
  }
  not(x: Expression): Expression {
    return this.instruction("not", x);
  }
  /** Bits up by a number of places that is taken modulo the width. */
  shl(x: Expression, y: Expression): Expression {
    return this.instruction("shl", x, y);
  }
  /** Bits down by a number of places that is taken modulo the width; zeros come in. */
  shr(x: Expression, y: Expression): Expression {
    return this.instruction("shr", x, y);
  }
  eq(x: Expression, y: Expression): Expression {
    return this.instruction("eq", x, y);
  }
  ne(x: Expression, y: Expression): Expression {
    return this.instruction("ne", x, y);
  }
  lt(x: Expression, y: Expression): Expression {
    return this.instruction("lt", x, y);
  }
  le(x: Expression, y: Expression): Expression {
    return this.instruction("le", x, y);
  }
  gt(x: Expression, y: Expression): Expression {
    return this.instruction("gt", x, y);
  }
  ge(x: Expression, y: Expression): Expression {
    return this.instruction("ge", x, y);
  }
  select(condition: Expression, x: Expression, y: Expression): Expression {
    return this.typed("select", x.type, [condition, x, y]);
  }
  /** `select`, where x is costly and seldom wanted. */
  rarely(condition: Expression, x: Expression, y: Expression): Expression {
    return this.typed("rarely", x.type, [condition, x, y]);
  }
  /** `x * y + z`, rounded once where the hardware can; for use inside one operation only. */
  fma(x: Expression, y: Expression, z: Expression): Expression {
    return this.instruction("fma", x, y, z);
  }
  /** The value in another type; a float becomes an integer by dropping its fraction, saturating. */
  convert(x: Expression, type: ScalarType): Expression {
    return x.type === type ? x : this.typed("convert", type, [x]);
  }
  /** The bits of a value as another type of the same width. */
  bits(x: Expression, type: ScalarType): Expression {
    return x.type === type ? x : this.typed("bits", type, [x]);
  }

  /** The same instruction or call on other operands. */
  rebuild(
    expression: Extract<Expression, { kind: "instruction" | "call" }>,
    operands: readonly Expression[],
  ): Expression {
    const { type } = expression;
    return expression.kind === "call"
      ? this.call(expression.name, expression.call, type, operands)
      : this.typed(expression.instruction, type, operands);
  }

  private instruction(instruction: ScalarInstruction, ...operands: Expression[]): Expression {
    return this.typed(instruction, comparisons.has(instruction) ? "bool" : operands[0]!.type, operands);
  }

  private typed(
    instruction: ScalarInstruction,
    type: ScalarType,
    operands: readonly Expression[],
  ): Expression {
    return this.intern(`${instruction}${type}(${this.idsOf(operands)})`, {
      kind: "instruction",
      type,
      instruction,
      operands,
    });
  }

  private idsOf(operands: readonly Expression[]): string {
    return operands.map((operand) => this.ids.get(operand)).join();
  }

  private intern(key: string, expression: Expression): Expression {
    const known = this.known.get(key);
    if (known !== undefined) return known;
    this.known.set(key, expression);
    this.ids.set(expression, this.ids.size);
    return expression;
  }
}
