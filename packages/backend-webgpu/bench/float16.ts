/**
 * What float16 takes and saves on WebGPU beside float32: time of kernels, memory of a training step; and, where the device
 * has `shader-f16`, what loads and stores of that type would gain.
 * `npx tsx --conditions=@amari/source packages/backend-webgpu/bench/float16.ts`
 */
import { type DType, grad, jit, random, setDefaultBackend, type Tensor } from "@amari/core";
import { findAdapter } from "../src/device/gpu.ts";
import type { WebgpuExecutable } from "../src/executable.ts";
import { webgpu } from "../src/index.ts";

const rounds = 7;
const runs = 5;

const { adapter } = await findAdapter({});
const backend = await webgpu();
setDefaultBackend(backend);

const normal = (seed: number, ...shape: number[]): Tensor => random.normal(random.key(seed), shape) as Tensor;

type Case = readonly [name: string, f: (...x: Tensor[]) => Tensor, ...shapes: number[][]];
const cases: readonly Case[] = [
  ["x * 2 + 1, of 4 Mi", (x) => x!.mul(2).add(1) as Tensor, [2 ** 22]],
  ["x * y, of 4 Mi", (x, y) => x!.mul(y!) as Tensor, [2 ** 22], [2 ** 22]],
  ["softmax, 2048 rows of 512", (x) => x!.softmax(-1) as Tensor, [2048, 512]],
  ["sum of rows, 2048 of 512", (x) => x!.sum(1) as Tensor, [2048, 512]],
  ["transposed + 1, 2048 x 1024", (x) => x!.transpose().add(1) as Tensor, [2048, 1024]],
  ["matmul 256", (x, y) => x!.matmul(y!) as Tensor, [256, 256], [256, 256]],
  ["vector by 2048 x 2048", (x, y) => x!.matmul(y!) as Tensor, [1, 2048], [2048, 2048]],
];

/** Milliseconds of a run of each, in turns, the best of some rounds. */
async function timesOf(works: readonly (() => Promise<void>)[]): Promise<number[]> {
  const best = works.map(() => Infinity);
  for (let round = 0; round <= rounds; round++) {
    for (const [i, work] of works.entries()) {
      const begin = performance.now();
      await work();
      // The first round compiles.
      if (round > 0) best[i] = Math.min(best[i]!, (performance.now() - begin) / runs);
    }
  }
  return best;
}

const { description } = backend.description;
console.log(`${description}\n\nmilliseconds                      float32   float16   ratio`);
for (const [name, f, ...shapes] of cases) {
  const works = (["float32", "float16"] as const).map((dtype) => {
    const operands = shapes.map(
      (shape, i) =>
        normal(i, ...shape)
          .astype(dtype)
          .realise() as Tensor,
    );
    const run = jit(f);
    return async () => {
      for (let i = 0; i < runs; i++) run(...operands);
      await backend.flush();
    };
  });
  const [single, half] = (await timesOf(works)) as [number, number];
  const figures = [single.toFixed(2), half.toFixed(2), (half / single).toFixed(2)];
  console.log(name.padEnd(32) + figures.map((figure) => figure.padStart(9)).join(""));
}

const [batch, width, layers] = [1024, 256, 12];

/** Bytes of temporaries of a gradient of a perceptron: weights in float32, layers in a dtype. */
async function bytesOfStep(dtype: DType): Promise<number> {
  const weights = Array.from({ length: layers }, (_, i) => normal(i, width, width).realise() as Tensor);
  const x = normal(9, batch, width).realise() as Tensor;
  const loss = (w: Tensor[]): Tensor<[]> => {
    const last = w.reduce(
      (h, layer) => h.matmul(layer.astype(dtype)).tanh() as Tensor,
      x.astype(dtype) as Tensor,
    );
    return last.square().mean().astype("float32") as Tensor<[]>;
  };
  jit(grad(loss))(weights);
  const { latest } = backend as unknown as { latest: Parameters<typeof backend.compile>[0] };
  return (backend.compile(latest) as WebgpuExecutable).scratchBytes;
}

console.log(`\nKB of temporaries of a gradient, ${layers} layers of ${width}, ${batch} examples`);
for (const dtype of ["float32", "float16"] as const)
  console.log(`${dtype.padEnd(32)}${((await bytesOfStep(dtype)) / 1024).toFixed(0).padStart(9)}`);

if (adapter.features.has("shader-f16")) {
  const device = await adapter.requestDevice({ requiredFeatures: ["shader-f16"] });
  const elements = 2 ** 22;
  const size = 4 * elements;
  const heap = device.createBuffer({ size, usage: 0x80 });
  const quads = elements / 4;
  const main = (body: string) => `@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) { let i = id.x; ${body} }`;
  const own = `@group(0) @binding(0) var<storage, read_write> heap: array<vec2<u32>>;
fn rounded(x: vec2<f32>) -> vec2<f32> { return unpack2x16float(pack2x16float(x)); }
fn next(word: u32) -> u32 { return pack2x16float(rounded(unpack2x16float(word) * 2.0f) + 1.0f); }
${main(`heap[i + ${quads}u] = vec2<u32>(next(heap[i].x), next(heap[i].y));`)}`;
  const native = `enable f16;
@group(0) @binding(0) var<storage, read_write> heap: array<vec4<f16>>;
${main(`heap[i + ${quads}u] = vec4<f16>(vec4<f32>(vec4<f16>(vec4<f32>(heap[i]) * 2.0f)) + 1.0f);`)}`;
  const works = [own, native].map((code) => {
    const pipeline = device.createComputePipeline({
      layout: "auto",
      compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
    });
    const layout = pipeline.getBindGroupLayout(0);
    const group = device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer: heap } }] });
    return async () => {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      for (let i = 0; i < runs; i++) pass.dispatchWorkgroups(quads / 256);
      pass.end();
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone();
    };
  });
  const [words, halves] = (await timesOf(works)) as [number, number];
  console.log(
    `\nmilliseconds of x * 2 + 1, of 4 Mi, in words and in f16: ${words.toFixed(2)} and ${halves.toFixed(2)}, ratio ${(halves / words).toFixed(2)}`,
  );
  device.destroy();
} else console.log("\nthe device has no shader-f16");
await backend.close();
