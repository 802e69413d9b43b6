/**
 * Everything that most programs need from one import: tensors, automatic differentiation, optimizers, layers and losses.
 * The Fisher mathematics stands in the namespace `fisher`, whose names (`exponential`, `gaussian`) need it. Importing this
 * package sets the default backend, unless the program has set another one before: the compiled CPU backend, in
 * WebAssembly where the engine has its SIMD, else in JavaScript.
 *
 * @packageDocumentation
 */
import { cpuBackend } from "@amari/backend-cpu";
import { getDefaultBackend, setDefaultBackend } from "@amari/core";

export { CpuBackend, type CpuTier, cpuBackend } from "@amari/backend-cpu";
export { referenceBackend } from "@amari/backend-reference";
export * from "@amari/core";
export * as fisher from "@amari/fisher";
export * from "@amari/nn";
export * from "@amari/optim";

if (!hasBackend()) setDefaultBackend(cpuBackend());

function hasBackend(): boolean {
  try {
    getDefaultBackend();
    return true;
  } catch {
    return false;
  }
}
