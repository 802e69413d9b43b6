/**
 * Where the numbers of a workload come from, so that every peer starts from the same ones: the same formula stands in
 * programs/torch.py.
 */
export type Input =
  | {
      readonly kind: "uniform";
      readonly shape: readonly number[];
      readonly seed: number;
      readonly scale: number;
    }
  | { readonly kind: "constant"; readonly shape: readonly number[]; readonly value: number }
  | {
      readonly kind: "classes";
      readonly shape: readonly number[];
      readonly seed: number;
      readonly classes: number;
    };

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** In [0, 1): `frac(sin(i + 1 + 1000.5 seed) 43758.5453123)`. */
function unit(i: number, seed: number): number {
  const value = Math.sin(i + 1 + seed * 1000.5) * 43758.5453123;
  return value - Math.floor(value);
}

/** The elements of an input: float32 on (-scale, scale), one constant, or int32 class indices. */
export function valuesOf(input: Input): Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> {
  const size = sizeOf(input.shape);
  switch (input.kind) {
    case "constant":
      return new Float32Array(size).fill(input.value);
    case "uniform": {
      const values = new Float32Array(size);
      for (let i = 0; i < size; i++) values[i] = (unit(i, input.seed) * 2 - 1) * input.scale;
      return values;
    }
    case "classes": {
      const values = new Int32Array(size);
      for (let i = 0; i < size; i++) values[i] = Math.floor(unit(i, input.seed) * input.classes);
      return values;
    }
  }
}

/**
 * Three numbers that tell arrays apart: the sum of absolute values, by which the others are judged, the sum, and the
 * sum weighted by pseudo-random numbers, which notices elements that changed places.
 */
export function checksum(values: ArrayLike<number>): number[] {
  let [absolute, sum, weighted] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    absolute += Math.abs(value);
    sum += value;
    weighted += value * unit(i, 77);
  }
  return [absolute, sum, weighted];
}
