import { webgpu } from "@amari/backend-webgpu";
import { grad, setDefaultBackend, type Tensor, tensor } from "amari";

/** Computes on WebGPU inside a dedicated worker: whether a device was found there, and the gradient of the sum of squares. */
async function compute(numbers: readonly number[]): Promise<{ device: string; gradient: unknown }> {
  const backend = await webgpu();
  setDefaultBackend(backend);
  const gradient = grad((x: Tensor) => x.square().sum() as Tensor<[]>)(tensor(numbers) as Tensor);
  const result = { device: backend.description.description, gradient: await gradient.array() };
  await backend.close();
  return result;
}

self.addEventListener("message", ({ data }: MessageEvent<readonly number[]>) => {
  compute(data).then(
    (result) => self.postMessage(result),
    (error: unknown) => self.postMessage({ error: String(error) }),
  );
});
