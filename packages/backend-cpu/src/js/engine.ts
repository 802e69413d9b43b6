import type { Program } from "@amari/core/backend";
import type { Engine, Runnable } from "../engine.ts";
import { Heap } from "../heap.ts";
import { bestForm, type KernelForm, kernelCompilers } from "./compile.ts";
import { JsExecutable, type JsRuntime } from "./executable.ts";
import { PlainMemory } from "./memory.ts";
import { viewsOf } from "./views.ts";

/** Programs as loops in JavaScript, for engines that refuse WebAssembly or its SIMD. */
export class JsEngine implements Engine {
  readonly tier = "js";
  readonly threads = 1;
  readonly chunksByThread: readonly number[] = [0];
  readonly heap: Heap<PlainMemory>;
  private readonly runtime: JsRuntime;

  /** @param form by default source, or closures, which are slower, where a content security policy forbids `new Function` */
  constructor(form: KernelForm = bestForm()) {
    const memory = new PlainMemory(16);
    const heap = new Heap(false, memory);
    this.heap = heap;
    this.runtime = {
      heap,
      views: viewsOf(memory),
      compile: kernelCompilers[form],
      collected: new FinalizationRegistry((blocks) => {
        for (const block of blocks) heap.release(block);
      }),
    };
  }

  compile(program: Program): Runnable {
    return new JsExecutable(program, this.runtime);
  }

  async close(): Promise<void> {}
}
