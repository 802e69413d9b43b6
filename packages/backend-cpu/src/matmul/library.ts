import { compileModule } from "../wasm/compile.ts";
import type { Signature } from "../wasm/function.ts";
import { type MemoryImport, ModuleBuilder } from "../wasm/module.ts";
import type { Target } from "../wasm/target.ts";
import { defaultBlocking, workspaceBytes } from "./blocking.ts";
import { emitMatmul, gemmParameters } from "./gemm.ts";
import { type MatmulDType, vectorTypes } from "./vector-type.ts";

/** The type of `gemm`. */
export const gemmSignature: Signature = {
  parameters: gemmParameters.map(() => "i32" as const),
  results: [],
};

/** The dtypes whose products are generated. */
export const hasGeneratedMatmul = (dtype: string): dtype is MatmulDType => Object.hasOwn(vectorTypes, dtype);

/**
 * Compiles the matrix product that programs call, exported by the name of its dtype; the module imports a memory. Sums are
 * fused with products where the target has relaxed SIMD.
 */
export function compileMatmul(
  declared: MemoryImport,
  dtype: MatmulDType,
  target: Target,
): WebAssembly.Module {
  const module = new ModuleBuilder(declared);
  module.export(dtype, emitMatmul(module, { dtype, ...productsOf(target) }));
  return compileModule(module.encode(), target);
}

const productsOf = ({ relaxed, revectorised }: Target) => ({ fma: relaxed, wide: revectorised });

/** Bytes that suffice for the workspace of any product. */
export const largestWorkspace = (target: Target): number =>
  Math.max(
    ...(Object.keys(vectorTypes) as MatmulDType[]).map((dtype) =>
      workspaceBytes({ dtype, ...productsOf(target) }, defaultBlocking.columns, defaultBlocking.depth),
    ),
  );
