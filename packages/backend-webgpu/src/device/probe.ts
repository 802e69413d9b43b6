import { float16FromBits, roundToFloat16 } from "@amari/core/backend";
import type { Float16Traits } from "../emit/shader-function.ts";
import { mapForReading, usage } from "./usage.ts";

const tiny = 1e-40;

const product = `@group(0) @binding(0) var<storage, read_write> numbers: array<f32>;
@compute @workgroup_size(1)
fn main() { numbers[0] = numbers[0] * numbers[1]; }
`;

/** Whether a device computes with denormal numbers; WGSL lets it take them for zeros. */
export async function keepsDenormals(device: GPUDevice): Promise<boolean> {
  const [result] = new Float32Array(await run(device, product, Float32Array.of(tiny, 1)));
  return result === Math.fround(tiny);
}

const multiplyAdd = `@group(0) @binding(0) var<storage, read_write> numbers: array<f32>;
@compute @workgroup_size(1)
fn main() { numbers[0] = fma(numbers[0], numbers[1], numbers[2]); }
`;

/** Whether a device rounds a product and its sum once; WGSL lets it round both. */
export async function fusesProducts(device: GPUDevice): Promise<boolean> {
  // The last bit of the square is lost where the product is rounded.
  const x = 1 + 2 ** -12;
  const [result] = new Float32Array(await run(device, multiplyAdd, Float32Array.of(x, x, -1 - 2 ** -11)));
  return result === 2 ** -24;
}

/** Float16 numbers of every exponent, as what stands in memory. */
const halves = Array.from({ length: 64 }, (_, signAndExponent) =>
  [0, 1, 2, 511, 512, 1022, 1023].map((fraction) => (signAndExponent << 10) | fraction),
).flat();

/** Numbers that are float16, half way to the next and just beside that; and what float16 does not have. */
const singles = halves
  .map(float16FromBits)
  .filter(Number.isFinite)
  .flatMap((x) => {
    const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(x))));
    const middle = x + Math.sign(x) * 2 ** (exponent - 11);
    return [x, middle, middle * (1 + 2 ** -23), middle * (1 - 2 ** -23)];
  })
  .concat(2 ** -25, -(2 ** -26), 1e30, -1e30, Infinity, -Infinity, Number.NaN)
  .map(Math.fround);

const conversions = `@group(0) @binding(0) var<storage, read_write> numbers: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  for (var i = lane; i < ${halves.length}u; i += 64u) {
    numbers[i] = bitcast<u32>(unpack2x16float(numbers[i]).x);
  }
  for (var i = ${halves.length}u + lane; i < ${halves.length + singles.length}u; i += 64u) {
    let half = pack2x16float(vec2<f32>(bitcast<f32>(numbers[i]), 1.0f));
    numbers[i] = bitcast<u32>(unpack2x16float(half).x);
    if ((half >> 16u) != 0x3c00u) { numbers[i] = 1u; }
  }
}
`;

/**
 * Whether a device converts from and to float16 as IEEE 754 says, to the nearest, with denormals, infinities and NaN: WGSL
 * leaves the rounding open, and what becomes of the rest. SwiftShader rounds some denormal numbers wrongly.
 */
export async function float16Of(device: GPUDevice): Promise<Float16Traits> {
  const numbers = Uint32Array.from([...halves, ...new Uint32Array(Float32Array.from(singles).buffer)]);
  const results = new Float32Array(await run(device, conversions, numbers));
  const widens = halves.every((half, i) => Object.is(results[i], float16FromBits(half)));
  const rounds = singles.every((x, i) => Object.is(results[halves.length + i], roundToFloat16(x)));
  return { widens, rounds: widens && rounds };
}

const invocations = 256;

const numbering = `enable subgroups;
@group(0) @binding(0) var<storage, read_write> numbers: array<u32>;
@compute @workgroup_size(${invocations})
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_invocation_id) id: u32,
  @builtin(subgroup_size) size: u32,
) { numbers[2u * lane] = id; numbers[2u * lane + 1u] = size; }
`;

/**
 * How many invocations of a workgroup exchange values as a subgroup, in the order of their numbers: WGSL promises no order,
 * so the device is asked. 1 where it has no subgroups, or numbers them in another way.
 */
export async function subgroupOf(device: GPUDevice): Promise<number> {
  if (!device.features.has("subgroups")) return 1;
  const { subgroupMinSize = 1 } = device.adapterInfo as { readonly subgroupMinSize?: number };
  const numbers = new Uint32Array(await run(device, numbering, new Uint32Array(2 * invocations)));
  const isInOrder = Array.from({ length: invocations }, (_, lane) => lane).every((lane) => {
    const [id, size] = [numbers[2 * lane]!, numbers[2 * lane + 1]!];
    return size >= subgroupMinSize && id === lane % size;
  });
  return isInOrder ? subgroupMinSize : 1;
}

/** Runs one workgroup of a shader on some numbers. */
async function run(
  device: GPUDevice,
  code: string,
  numbers: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>,
): Promise<ArrayBuffer> {
  const size = numbers.byteLength;
  const buffers = [usage.storage | usage.copySource | usage.copyTarget, usage.mapRead | usage.copyTarget].map(
    (bits) => device.createBuffer({ size, usage: bits }),
  ) as [GPUBuffer, GPUBuffer];
  const [buffer, staging] = buffers;
  device.queue.writeBuffer(buffer, 0, numbers);
  const pipeline = await device.createComputePipelineAsync({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = [{ binding: 0, resource: { buffer } }];
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(mapForReading);
  const result = staging.getMappedRange().slice(0);
  for (const each of buffers) each.destroy();
  return result;
}
