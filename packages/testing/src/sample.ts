import { type Case, type Domain, type DType, type Operand, type Tensor, tensor } from "@amari/core";

/** A source of numbers from 0 (included) to 1 (excluded). */
export type Uniform = () => number;

/** A repeatable source of uniform numbers: Weyl's sequence through a 32-bit mixer, which is ample for sampling. */
export function uniformFrom(seed: number): Uniform {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}

const defaultDomain: Domain = { kind: "real", low: -2, high: 2, except: [] };
const exclusion = 0.1;

/** The parts of a domain that are left between the exceptions. */
function intervalsOf({ low, high, except }: Domain): [low: number, high: number][] {
  let start = low;
  const intervals: [number, number][] = [];
  for (const point of except.toSorted((a, b) => a - b)) {
    if (point - exclusion > start) intervals.push([start, point - exclusion]);
    start = Math.max(start, point + exclusion);
  }
  if (start < high) intervals.push([start, high]);
  return intervals;
}

/**
 * `count` numbers of a domain in random order. Reals are stratified: each comes from a part of the domain of its own,
 * with gaps between the parts, so that the domain is covered and no two are nearly equal, which would be a kink of
 * sorting, max and the like.
 */
export function sampleDomain(domain: Domain, count: number, uniform: Uniform): number[] {
  if (domain.kind !== "real") {
    const values = domain.high - domain.low + 1;
    return Array.from({ length: count }, () => domain.low + Math.floor(uniform() * values));
  }
  const intervals = intervalsOf(domain);
  const total = intervals.reduce((sum, [low, high]) => sum + high - low, 0);
  const strata = shuffled(count, uniform);
  return strata.map((stratum) => {
    let at = ((stratum + 0.1 + 0.8 * uniform()) / count) * total;
    for (const [low, high] of intervals) {
      if (at <= high - low) return low + at;
      at -= high - low;
    }
    return intervals.at(-1)![1];
  });
}

function shuffled(count: number, uniform: Uniform): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

const dtypeOf: { readonly [K in Domain["kind"]]: DType } = {
  real: "float64",
  integer: "int32",
  bool: "bool",
};

/** The dtype of an operand of a generated test: its own, else the one that its domain calls for. */
export const operandDType = (operand: Operand): DType =>
  operand.dtype ?? dtypeOf[(operand.domain ?? defaultDomain).kind];

/** A tensor for an operand of a generated test. */
export function sampleOperand(operand: Operand, uniform: Uniform): Tensor {
  const size = operand.shape.reduce((a, b) => a * b, 1);
  const values = sampleDomain(operand.domain ?? defaultDomain, size, uniform);
  return tensor(values, { shape: operand.shape, dtype: operandDType(operand) }) as Tensor;
}

/** Tensors for all operands of a case. */
export const sampleCase = ({ operands }: Case, uniform: Uniform): Tensor[] =>
  operands.map((operand) => sampleOperand(operand, uniform));

/** A direction: a tensor like `x` with elements from -1 to 1. */
export function sampleDirection(x: Tensor, uniform: Uniform): Tensor {
  const values = Array.from({ length: x.size }, () => 2 * uniform() - 1);
  return tensor(values, { shape: x.shape, dtype: x.dtype }) as Tensor;
}
