import { tileOf } from "../matmul/blocking.ts";
import { emitPack } from "../matmul/packing.ts";
import { type MatmulDType, vectorTypes } from "../matmul/vector-type.ts";
import { compileModule } from "../wasm/compile.ts";
import type { Signature } from "../wasm/function.ts";
import { type MemoryImport, ModuleBuilder } from "../wasm/module.ts";
import type { Target } from "../wasm/target.ts";
import { emitCopyImages, emitCopyPlaces } from "./copy.ts";
import { emitGather } from "./gather.ts";
import { emitMultiply } from "./multiply.ts";

/** The functions that convolutions call, with how many numbers and addresses they take. */
const parameterCounts = { pack: 6, gather: 6, copyPlaces: 8, copyImages: 10, multiply: 13 } as const;

/** A function that convolutions call. */
export type ConvolutionFunction = keyof typeof parameterCounts;

/** The names of the functions. */
export const convolutionFunctions = Object.keys(parameterCounts) as readonly ConvolutionFunction[];

/** The name by which a program imports a function for a dtype. */
export const convolutionImport = (name: ConvolutionFunction, dtype: MatmulDType): string =>
  `convolution.${name}.${dtype}`;

/** The type of a function. */
export const convolutionSignature = (name: ConvolutionFunction): Signature => ({
  parameters: Array.from({ length: parameterCounts[name] }, () => "i32" as const),
  results: [],
});

/** Compiles the functions that convolutions of a dtype call, which import a memory. */
export function compileConvolutions(
  declared: MemoryImport,
  dtype: MatmulDType,
  target: Target,
): WebAssembly.Module {
  const module = new ModuleBuilder(declared);
  const tile = tileOf(target.relaxed, target.revectorised);
  const type = vectorTypes[dtype];
  const functions: Record<ConvolutionFunction, number> = {
    pack: emitPack(module, type, tile.rows),
    gather: emitGather(module, type, tile.rows),
    copyPlaces: emitCopyPlaces(module, type),
    copyImages: emitCopyImages(module, emitPack(module, type, tile.vectors * type.lanes)),
    multiply: emitMultiply(module, type, target.relaxed, tile),
  };
  for (const name of convolutionFunctions) module.export(convolutionImport(name, dtype), functions[name]);
  return compileModule(module.encode(), target);
}
