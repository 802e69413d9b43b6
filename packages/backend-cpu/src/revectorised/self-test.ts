import { BackendError } from "@amari/core";
import { type DType, viewBytes } from "@amari/core/backend";
import { KernelFunctions } from "../emit/kernel-functions.ts";
import { stripBytes } from "../emit/strips.ts";
import type { Heap } from "../heap.ts";
import { compileMatmul, largestWorkspace } from "../matmul/library.ts";
import { compileModule } from "../wasm/compile.ts";
import { ModuleBuilder } from "../wasm/module.ts";
import type { Target } from "../wasm/target.ts";
import { operandOf, operandSize, samples } from "./samples.ts";

/** What something gave, element by element. */
interface Result {
  readonly name: string;
  readonly values: ArrayLike<number>;
}

/** What the test found, once it was run: it takes some 0.1 s, and says the same again. */
let verdict: string | null | undefined;

/**
 * Compares kernels and products that V8 has revectorised with the same ones that it has not.
 *
 * @throws BackendError if any element differs
 */
export function assertRevectorised(heap: Heap): void {
  if (verdict === undefined) verdict = firstDifference(resultsOf(heap, false), resultsOf(heap, true));
  if (verdict === null) return;
  throw new BackendError(
    `V8 revectorises wrongly here, as the test at start has found: ${verdict}. Use the tier "relaxed"; and please report ` +
      "this with the versions of Node and of the processor",
  );
}

/** What differs first, in words; null if nothing does. Any NaN is as good as another. */
export function firstDifference(expected: readonly Result[], got: readonly Result[]): string | null {
  for (const [i, { name, values }] of expected.entries()) {
    for (let at = 0; at < values.length; at++) {
      const found = got[i]!.values[at]!;
      if (!Object.is(found, values[at]!)) return `${name}: element ${at} is ${found}, not ${values[at]}`;
    }
  }
  return null;
}

function resultsOf(heap: Heap, revectorised: boolean): Result[] {
  const target: Target = { relaxed: true, revectorised };
  return [...sampleResults(heap, target), ...productResults(heap, target)];
}

const dtypes = { f32: "float32", f64: "float64", i32: "int32", u32: "uint32" } as const;

/** Memory for a while, as addresses. */
function withMemory<T>(heap: Heap, sizes: readonly number[], use: (...addresses: number[]) => T): T {
  const blocks = sizes.map((bytes) => heap.alloc(bytes));
  try {
    return use(...blocks.map(({ address }) => address));
  } finally {
    for (const block of blocks) heap.release(block);
  }
}

const viewAt = (heap: Heap, dtype: DType, address: number, bytes: number) =>
  viewBytes(dtype, heap.bytesAt(address, bytes));

function sampleResults(heap: Heap, target: Target): Result[] {
  const most = Math.max(...samples.map(({ results }) => results));
  const resultBytes = 8 * Math.max(...samples.map(({ size }) => size));
  const tableBytes = 4 * (most + 2);
  const sizes = [
    tableBytes,
    samples.length * tableBytes,
    8 * operandSize,
    8 * operandSize,
    stripBytes,
    most * resultBytes,
  ];
  return withMemory(heap, sizes, (table, places, left, right, strip, results) => {
    const module = new ModuleBuilder(heap.declared);
    let placed = places!;
    const place = (addresses: readonly number[]): number => {
      const at = placed;
      heap.words.set(addresses, at / 4);
      placed += 4 * addresses.length;
      return at;
    };
    const kernels = new KernelFunctions(module, {
      buffers: table!,
      scalars: 0,
      callee: () => 0,
      target,
      pushStrip: (f) => f.i32(strip!),
      place,
    });
    const calls = samples.map(({ kernel }, i) => {
      const call = kernels.loops(kernel);
      module.export(`sample${i}`, call.index);
      return call;
    });
    const { exports } = new WebAssembly.Instance(compileModule(module.encode(), target), {
      env: { memory: heap.memory },
    });
    const addresses = [left!, right!, ...Array.from({ length: most }, (_, i) => results! + i * resultBytes)];
    heap.words.set(addresses, table! / 4);
    return samples.flatMap(({ name, type, size, results: count }, i) => {
      const dtype = dtypes[type];
      for (const [at, address] of [left!, right!].entries())
        viewAt(heap, dtype, address, 8 * operandSize).set(operandOf(type, at + 1));
      const { extent, memory } = calls[i]!;
      (exports[`sample${i}`] as (...range: number[]) => void)(0, extent, memory);
      return addresses.slice(2, 2 + count).map((address, result) => ({
        name: `${name}, result ${result} in ${dtype}`,
        values: viewAt(heap, dtype, address, resultBytes).slice(0, size),
      }));
    });
  });
}

/** Sizes of products: those of a single row, within a tile, and over the edges of tiles, packed and not, and of blocks. */
const products = [
  [1, 70, 40],
  [2, 40, 9],
  [7, 19, 23],
  [70, 85, 530],
] as const;

function productResults(heap: Heap, target: Target): Result[] {
  const most = 8 * Math.max(...products.flatMap(([m, n, k]) => [m * n, m * k, k * n]));
  return withMemory(heap, [most, most, most, largestWorkspace(target)], (a, b, c, workspace) =>
    (["float32", "float64"] as const).flatMap((dtype) => {
      const { exports } = new WebAssembly.Instance(compileMatmul(heap.declared, dtype, target), {
        env: { memory: heap.memory },
      });
      const multiply = exports[dtype] as (...parameters: number[]) => void;
      for (const address of [a!, b!])
        viewAt(heap, dtype, address, most).forEach((_, i, values) => {
          values[i] = ((i * 7919) % 1021) / 512 - 1;
        });
      return products.flatMap(([m, n, k]) =>
        (["by rows", "by columns"] as const).map((layout) => {
          const strides = layout === "by rows" ? [n, 1] : [1, k];
          multiply(m, n, k, a!, k, 1, b!, ...strides, c!, n, workspace!);
          const values = viewAt(heap, dtype, c!, most).slice(0, m * n);
          return { name: `the product of ${m} x ${k} and ${k} x ${n} ${layout} in ${dtype}`, values };
        }),
      );
    }),
  );
}
