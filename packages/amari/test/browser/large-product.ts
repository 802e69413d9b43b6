import { type CpuBackend, jit, setDefaultBackend, type Tensor, tensor } from "amari";

/** What a product of 512 by 512 matrices and its logistic function are, after the workers have had time to start. */
export async function largeProduct(backend: CpuBackend): Promise<readonly number[]> {
  setDefaultBackend(backend);
  const size = 512;
  const values = Float32Array.from({ length: size * size }, (_, i) => Math.sin(i));
  const x = tensor(values).reshape([size, size]) as Tensor;
  const f = jit((a: Tensor) => a.matmul(a).sigmoid().sum(0) as Tensor);
  let result: readonly number[] = [];
  for (let turn = 0; turn < 100; turn++) {
    result = Array.from(await f(x).data(), Number);
    if (backend.threads === 1 || chunksByWorkers(backend) > 0) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return result;
}

/** How many pieces of work others than the thread that asks have done. */
export const chunksByWorkers = ({ chunksByThread }: CpuBackend): number =>
  chunksByThread.slice(1).reduce((sum, chunks) => sum + chunks, 0);
