import type { DType } from "../dtype.ts";
import type { Shape } from "../shape-types.ts";
import type { Tensor } from "../tensor.ts";
import type { Primitive } from "./primitive.ts";

/** Where the operands of a generated test come from. */
export interface Domain {
  readonly kind: "real" | "integer" | "bool";
  readonly low: number;
  readonly high: number;
  /** Points that a sample keeps a distance of 0.1 from: kinks, jumps and poles. */
  readonly except: readonly number[];
}

/** Real numbers from `low` to `high`, away from the points in `except`. */
export const reals = (low: number, high: number, except: readonly number[] = []): Domain => ({
  kind: "real",
  low,
  high,
  except,
});

/** Integers from `low` to `high`, both included. */
export const integers = (low: number, high: number): Domain => ({ kind: "integer", low, high, except: [] });

/** True and false. */
export const booleans: Domain = { kind: "bool", low: 0, high: 1, except: [] };

/** One operand of a generated test. */
export interface Operand {
  readonly shape: Shape;
  /** Default: reals(-2, 2). */
  readonly domain?: Domain;
  /** Default: float64 for reals, int32 for integers, bool for booleans. */
  readonly dtype?: DType;
}

/** A use of an operation from which the laws are generated: an elementwise operation needs none, its cases are derived. */
export interface Case {
  readonly operands: readonly Operand[];
  /** Applies the operation; may condition its operands first, e.g. make a matrix positive definite. */
  readonly call: (...operands: Tensor[]) => Tensor | readonly Tensor[];
}

/** A case for operands of the given shapes, with reals from the default domain. */
export const on = (shapes: readonly Shape[], call: Case["call"], domain?: Domain): Case => ({
  operands: shapes.map((shape) => (domain === undefined ? { shape } : { shape, domain })),
  call,
});

/** The row of an operation in the table: what documentation, tests and benchmarks are derived from. */
export interface Definition {
  readonly name: string;
  /** The file of the table it stands in, for the documentation. */
  readonly family:
    | "elementwise"
    | "reduction"
    | "view"
    | "contraction"
    | "routine"
    | "composite"
    | "creation";
  /** The graph operation behind it; `null` for a composite, which expands into others when called. */
  readonly primitive: Primitive | null;
  readonly cases: readonly Case[];
  /**
   * Worst error of a result in units in the last place of its dtype, against the float64 definition rounded once to it.
   * A float64 definition is the host's own function, which has an error too.
   */
  readonly ulp: number;
  /** Whether the error is that of the largest operand where the result is smaller, since terms cancel. Default false. */
  readonly cancels?: boolean;
  /** Why no derivative exists, or `null`. */
  readonly notDifferentiable: string | null;
}

/** The row of an operation that expands into others when it is called. */
export const composite = (name: string, cases: readonly Case[], ulp = 0): Definition => ({
  name,
  family: "composite",
  primitive: null,
  cases,
  ulp,
  notDifferentiable: null,
});

/** A public function and its row in the table. */
export type DefinedFunction<F> = F & { readonly definition: Definition };

/** A public operation: a function, its method on tensors, and its row in the table. */
export type Defined<F, M> = DefinedFunction<F> & { readonly method: M };

const table = new Map<string, Definition>();

/** The table of operations, by name. */
export const operations: ReadonlyMap<string, Definition> = table;

/** Enters a function into the table that is no method, since its first operand is not a tensor. */
export function defineFunction<F extends (...operands: never[]) => unknown>(
  definition: Definition,
  call: F,
): DefinedFunction<F> {
  if (table.has(definition.name)) throw new Error(`the operation ${definition.name} is defined twice`);
  table.set(definition.name, definition);
  Object.defineProperty(call, "name", { value: definition.name });
  return Object.assign(call, { definition });
}

/** Enters an operation into the table. Its method is the function with the tensor in front. */
export function define<F extends (...operands: never[]) => unknown, M>(
  definition: Definition,
  call: F,
): Defined<F, M> {
  const anyCall = call as unknown as (...operands: unknown[]) => unknown;
  function method(this: Tensor, ...rest: unknown[]): unknown {
    return anyCall(this, ...rest);
  }
  return Object.assign(defineFunction(definition, call), { method: method as M });
}

/** Whether an export of a family file is an operation with a method. */
export const hasMethod = (value: unknown): value is Defined<() => unknown, () => unknown> =>
  typeof value === "function" && "definition" in value && "method" in value;
