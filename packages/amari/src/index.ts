/**
 * Everything that most programs need from one import: tensors, automatic differentiation, optimizers, layers and losses.
 * The Fisher mathematics stands in the namespace `fisher`, whose names (`exponential`, `gaussian`) need it. Importing this
 * package sets the default backend, unless the program has set another one before: the compiled CPU backend, or the reference
 * backend where the engine has no WebAssembly SIMD.
 *
 * @packageDocumentation
 */
import { cpuBackend, isCpuBackendSupported } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import { getDefaultBackend, setDefaultBackend } from "@amari/core";

export { cpuBackend, isCpuBackendSupported } from "@amari/backend-cpu";
export { referenceBackend } from "@amari/backend-reference";
export * from "@amari/core";
export * as fisher from "@amari/fisher";
export * from "@amari/nn";
export * from "@amari/optim";

if (!hasBackend()) setDefaultBackend(isCpuBackendSupported() ? cpuBackend() : referenceBackend());

function hasBackend(): boolean {
  try {
    getDefaultBackend();
    return true;
  } catch {
    return false;
  }
}
