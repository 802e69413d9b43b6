import { cpuBackend } from "amari";
import { chunksByWorkers, largeProduct } from "./large-product.ts";

/** What came of a large product inside a dedicated worker, which has workers of its own. */
export interface FromWorker {
  readonly threads: number;
  readonly result: readonly number[];
  readonly byWorkers: number;
}

self.addEventListener("message", async ({ data: threads }: MessageEvent<number>) => {
  const backend = cpuBackend({ threads });
  const result = await largeProduct(backend);
  const answer: FromWorker = { threads: backend.threads, result, byWorkers: chunksByWorkers(backend) };
  await backend.close();
  self.postMessage(answer);
});
