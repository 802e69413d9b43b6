import type { LoopKernel } from "@amari/core/backend";
import { kernelFromClosures } from "./closures.ts";
import { kernelFromSource } from "./source.ts";
import type { JsKernel } from "./views.ts";

/** How kernels become functions: source that the engine compiles, or closures. */
export type KernelForm = "source" | "closures";

/** How a kernel becomes a function in each form. */
export const kernelCompilers: { readonly [F in KernelForm]: (kernel: LoopKernel) => JsKernel } = {
  source: kernelFromSource,
  closures: kernelFromClosures,
};

/** Source, unless the page's content security policy forbids making code of strings. */
export function bestForm(): KernelForm {
  try {
    // oxlint-disable-next-line typescript/no-implied-eval -- whether it is allowed is the question
    return new Function("return 1")() === 1 ? "source" : "closures";
  } catch {
    return "closures";
  }
}
