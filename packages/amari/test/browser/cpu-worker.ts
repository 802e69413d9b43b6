import { cpuBackend } from "amari";
import { chunksByWorkers, largeProduct } from "./large-product.ts";

/** What came of a large product inside a dedicated worker, which has workers of its own. */
export interface FromWorker {
  readonly threads: number;
  readonly result: readonly number[];
  readonly byWorkers: number;
}

async function compute(threads: number): Promise<FromWorker> {
  const backend = cpuBackend({ threads });
  const result = await largeProduct(backend);
  const answer = { threads: backend.threads, result, byWorkers: chunksByWorkers(backend) };
  await backend.close();
  return answer;
}

self.addEventListener("message", ({ data }: MessageEvent<number>) => {
  void compute(data).then((answer) => self.postMessage(answer));
});
