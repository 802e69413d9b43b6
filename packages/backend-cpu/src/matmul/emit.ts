import { FunctionBuilder, type Local } from "../wasm/function.ts";

/** A function whose parameters are numbers or addresses, by name. */
export function namedFunction<const Name extends string>(
  names: readonly Name[],
): { f: FunctionBuilder; parameters: Record<Name, Local> } {
  const f = new FunctionBuilder({ parameters: names.map(() => "i32" as const), results: [] });
  const parameters = Object.fromEntries(names.map((name, index) => [name, f.parameters[index]!]));
  return { f, parameters: parameters as Record<Name, Local> };
}

type Integer = Local | number;

function push(f: FunctionBuilder, value: Integer): FunctionBuilder {
  return typeof value === "number" ? f.i32(value) : f.get(value);
}

/** Pushes the product of two integers. */
export function pushProduct(f: FunctionBuilder, left: Local, right: Integer): FunctionBuilder {
  return push(f.get(left), right).op("i32.mul");
}

/** Pushes `base` plus the products of all the pairs: the address of an element of a strided array. */
export function pushAddress(
  f: FunctionBuilder,
  base: Local,
  ...terms: readonly (readonly [Local, Integer])[]
): FunctionBuilder {
  f.get(base);
  for (const [index, stride] of terms) pushProduct(f, index, stride).op("i32.add");
  return f;
}

/** `local += by` */
export function increase(f: FunctionBuilder, local: Local, by: Integer): FunctionBuilder {
  return push(f.get(local), by).op("i32.add").set(local);
}

/** Pushes the smaller of `limit` and `end - start`: the extent of the block that begins at `start`. */
export function pushExtent(f: FunctionBuilder, start: Local, end: Local, limit: number): FunctionBuilder {
  f.i32(limit).get(end).get(start).op("i32.sub");
  f.i32(limit).get(end).get(start).op("i32.sub");
  return f.op("i32.lt_s").op("select");
}
