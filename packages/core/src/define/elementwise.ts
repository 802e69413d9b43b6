import type { Expression } from "../compile/kernel.ts";
import type { KernelBuilder } from "../compile/kernel-builder.ts";
import { type DType, isFloat, isInteger } from "../dtype.ts";
import { DTypeError } from "../errors/errors.ts";
import type { Kernel, ScalarFunction, Simplification } from "../operation.ts";
import type { Tensor } from "../tensor.ts";
import { broadcast, promote, type TensorLike } from "./coerce.ts";
import { type Defined, type Definition, type Domain, define } from "./definition.ts";
import { apply, type JvpContext, type NotDifferentiable, type Primitive, type Tangent } from "./primitive.ts";
import type { Binary, Unary } from "./signatures.ts";

/** Which dtypes an elementwise operation takes; "float" converts integers and bools to float32 first. */
export type Accepts = "any" | "number" | "float" | "integer" | "integer or bool" | "bool";

/** A derivative with respect to one operand: `(...operands, tangent, result)`, linear in the tangent. */
type Partial = (...context: Tensor[]) => Tensor;

/** A lowering that may decline, by the types of its operands. */
export type PartialLowering = (k: KernelBuilder, ...operands: Expression[]) => Expression | null;

/** How an elementwise operation is declared. */
export interface ElementwiseSpec {
  /** The scalar definition, in float64; a float32 result is this, rounded once. */
  readonly eval: ScalarFunction;
  /** The scalar definition on int32 and uint32, where it differs; results wrap modulo 2^32. */
  readonly evalInteger?: ScalarFunction;
  /**
   * The same in kernel instructions, for compiling backends: `(k, x, y) => k.add(x, y)`. Gives null for a type that it
   * does not cover; without it, a backend calls the scalar definition.
   */
  readonly lower?: PartialLowering;
  readonly accepts: Accepts;
  /** Whether the result is a bool; else it has the dtype of the operands. */
  readonly predicate?: boolean;
  /** For each operand, `(...operands, tangent, result) => tangent of the result`; `null` where it is zero everywhere. */
  readonly jvp: readonly (Partial | null)[] | NotDifferentiable;
  /** For an operation that is linear in an operand: `(...operands, cotangent) => its cotangent`. */
  readonly transpose?: readonly (Partial | null)[];
  /** An exact rewriting into something cheaper. */
  readonly simplify?: Simplification;
  /** Where each operand is sampled by the generated tests. */
  readonly domain: readonly Domain[];
  /** Worst error in ulp, in float32 and in float64. */
  readonly ulp: number;
  /** Whether the error is that of the largest operand where the result is smaller, since terms cancel. Default false. */
  readonly cancels?: boolean;
}

/** The parts of an elementwise graph operation; the rules may also be given in full. */
export interface ElementwiseRules<A> {
  readonly scalar: (attributes: A, dtype: DType) => ScalarFunction;
  readonly result: (attributes: A, dtype: DType) => DType;
  readonly lower?: ((attributes: A) => PartialLowering) | undefined;
  readonly simplify?: Simplification | undefined;
  readonly jvp: ElementwiseSpec["jvp"] | Primitive<A>["jvp"];
  readonly transpose?: ElementwiseSpec["transpose"] | Primitive<A>["transpose"];
}

/** The graph operation that follows from a scalar function and its partial derivatives. */
export function elementwisePrimitive<A>(name: string, rules: ElementwiseRules<A>): Primitive<A> {
  const { scalar, result, lower, simplify, jvp, transpose } = rules;
  const primitive: Primitive<A> = {
    name,
    kernel: { kind: "elementwise", scalar, ...(lower && { lower }) } as Kernel,
    ...(simplify && { simplify }),
    type: (inputs, attributes) => {
      const { shape, dtype } = inputs.at(-1)!;
      return { shape, dtype: result(attributes, dtype) };
    },
    jvp: isList(jvp) ? (context) => sumOfPartials(jvp, context) : jvp,
    ...(transpose && {
      transpose: isList(transpose)
        ? ({ cotangents, inputs, linear }) =>
            linear.map((wanted, i) => (wanted ? transpose[i]!(...inputs, cotangents[0]!) : null))
        : transpose,
    }),
    batch: ({ inputs, batched, attributes }) => {
      const { shape } = inputs[batched.indexOf(true)]!;
      return apply(
        primitive,
        inputs.map((x, i) => (batched[i] ? x : x.broadcastTo(shape))),
        attributes,
      );
    },
  };
  return primitive;
}

const isList = (rule: unknown): rule is readonly (Partial | null)[] => Array.isArray(rule);

function sumOfPartials(partials: readonly (Partial | null)[], context: JvpContext<unknown>): Tangent {
  let sum: Tangent = null;
  context.tangents.forEach((tangent, i) => {
    const partial = partials[i];
    if (tangent === null || !partial) return;
    const term = partial(...context.inputs, tangent, ...context.outputs);
    sum = sum === null ? term : (sum as Tensor).add(term);
  });
  return sum;
}

/** Declares an elementwise operation of any arity; the public function takes tensors or numbers and broadcasts. */
export function elementwise<F extends (...operands: never[]) => Tensor, M>(
  name: string,
  spec: ElementwiseSpec,
): Defined<F, M> {
  const primitive = elementwisePrimitive<undefined>(name, {
    scalar: (_, dtype) => (spec.evalInteger !== undefined && isInteger(dtype) ? spec.evalInteger : spec.eval),
    result: (_, dtype) => (spec.predicate ? "bool" : dtype),
    lower: spec.lower && (() => spec.lower!),
    simplify: spec.simplify,
    jvp: spec.jvp,
    ...(spec.transpose && { transpose: spec.transpose }),
  });
  const call = (...operands: TensorLike[]): Tensor =>
    apply(primitive, broadcast(accepted(operands, spec.accepts, name), name), undefined);
  const definition = elementwiseDefinition(name, primitive as Primitive, spec.domain, spec.ulp, call);
  const row = spec.cancels === true ? { ...definition, cancels: true } : definition;
  return define<F, M>(row, call as unknown as F);
}

/** The table row of an elementwise operation: its generated cases are a vector, a scalar and a broadcast. */
export function elementwiseDefinition(
  name: string,
  primitive: Primitive,
  domain: readonly Domain[],
  ulp: number,
  call: (...operands: Tensor[]) => Tensor,
): Definition {
  const operandsOf = (shapes: readonly (readonly number[])[]) =>
    domain.map((d, i) => ({ shape: shapes[i % shapes.length]!, domain: d }));
  const shapes = domain.length === 1 ? [[[5]], [[]], [[2, 3]]] : [[[5]], [[]], [[2, 3], [3]], [[2, 1], [3]]];
  return {
    name,
    family: "elementwise",
    primitive,
    cases: shapes.map((list) => ({ operands: operandsOf(list), call })),
    ulp,
    notDifferentiable: "notDifferentiable" in primitive.jvp ? primitive.jvp.notDifferentiable : null,
  };
}

/** Promotes operands to one dtype that the operation takes. @throws DTypeError where there is none. */
export function accepted(operands: readonly TensorLike[], accepts: Accepts, name: string): Tensor[] {
  const tensors = promote(operands, name);
  const { dtype } = tensors[0]!;
  switch (accepts) {
    case "any":
      return tensors;
    case "float":
      return isFloat(dtype) ? tensors : tensors.map((x) => x.astype("float32"));
    case "number":
      return dtype === "bool" ? tensors.map((x) => x.astype("int32")) : tensors;
    case "integer":
    case "integer or bool":
    case "bool": {
      const fits = (isInteger(dtype) && accepts !== "bool") || (dtype === "bool" && accepts !== "integer");
      if (fits) return tensors;
      const example = accepts === "bool" ? "a comparison such as x.gt(0)" : 'x.astype("int32")';
      throw new DTypeError(`${name}: expected ${accepts} operands, got ${dtype}; write ${example} instead`);
    }
  }
}

/** How an operation of one operand is declared: {@link ElementwiseSpec} without the lists. */
export interface UnarySpec extends Omit<ElementwiseSpec, "jvp" | "transpose" | "domain"> {
  readonly jvp: ((x: Tensor, dx: Tensor, y: Tensor) => Tensor) | "zero" | NotDifferentiable;
  readonly transpose?: (x: Tensor, cotangent: Tensor) => Tensor;
  readonly domain: Domain;
}

/** Declares an elementwise operation of one operand. */
export function unary(name: string, spec: UnarySpec): Unary {
  const { jvp, transpose, domain, ...rest } = spec;
  return elementwise<Unary, Unary["method"]>(name, {
    ...rest,
    jvp: jvp === "zero" ? [null] : typeof jvp === "function" ? [jvp as Partial] : jvp,
    ...(transpose && { transpose: [transpose as Partial] }),
    domain: [domain],
  }) as unknown as Unary;
}

/** Declares an elementwise operation of two operands. */
export const binary = (name: string, spec: ElementwiseSpec): Binary =>
  elementwise<Binary, Binary["method"]>(name, spec) as unknown as Binary;

/** Which derivative of a function: 0 is the function itself. */
export interface Order {
  readonly order: number;
}

/**
 * The graph operation of a function whose derivatives of every order have a scalar definition of their own: what
 * functions need whose derivative has no closed form (polygamma) or none that is accurate everywhere (sinc).
 */
export function derivativesPrimitive(
  name: string,
  derivative: (order: number) => ScalarFunction,
  lower?: (order: Order) => PartialLowering,
): Primitive<Order> {
  const primitive: Primitive<Order> = elementwisePrimitive<Order>(name, {
    scalar: ({ order }) => derivative(order),
    result: (_, dtype) => dtype,
    lower,
    jvp: ({ inputs, tangents, attributes }) =>
      tangents[0]!.mul(apply(primitive, inputs, { order: attributes.order + 1 })),
  });
  return primitive;
}

/** Declares a comparison: any dtype in, bool out, no derivative. */
export const comparison = (
  name: "eq" | "ne" | "lt" | "le" | "gt" | "ge",
  evaluate: (x: number, y: number) => boolean,
  domain: Domain,
): Binary =>
  binary(name, {
    eval: evaluate as unknown as ScalarFunction,
    lower: (k, x, y) => k[name](x, y),
    accepts: "any",
    predicate: true,
    jvp: { notDifferentiable: "its result is a bool" },
    domain: [domain, domain],
    ulp: 0,
  });
