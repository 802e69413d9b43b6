import * as amari from "@amari/core";
import { type Definition, type Domain, type DType, dtypes, type Tensor } from "@amari/core";
import type { Draw, Value } from "../draw.ts";
import type { Argument } from "../random-program.ts";
import { broadcastsWith, isFloat, type Recipe } from "./recipe.ts";

// Elementwise operations: derived from the rows of the table.

const anyNumber: Domain = { kind: "real", low: -2, high: 2, except: [] };

/** Operations that stay within bounds, or that are meant to be met by any number. */
const wholeLine = (domain: Domain): boolean => domain.low <= -2 && domain.high === 2;

/** Clips a float into the domain that an operation is sampled from, mostly: a logarithm of anything is mostly NaN. */
function within(draw: Draw, value: Value, domain: Domain): Value {
  if (domain.kind !== "real" || !isFloat(value.tensor) || wholeLine(domain) || draw.below(2) === 0)
    return value;
  return draw.emit("clip", value.reference, domain.low, domain.high) ?? value;
}

/** A use of an elementwise operation on values that broadcast, of dtypes that it takes. */
export function elementwiseRecipe({ name, cases }: Definition): Recipe {
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
