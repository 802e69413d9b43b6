import { mapForReading, usage } from "./usage.ts";

const tiny = 1e-40;

const shader = `@group(0) @binding(0) var<storage, read_write> numbers: array<f32>;
@compute @workgroup_size(1)
fn main() { numbers[0] = numbers[0] * numbers[1]; }
`;

/** Whether a device computes with denormal numbers; WGSL lets it take them for zeros. */
export async function keepsDenormals(device: GPUDevice): Promise<boolean> {
  const buffers = [usage.storage | usage.copySource | usage.copyTarget, usage.mapRead | usage.copyTarget].map(
    (bits) => device.createBuffer({ size: 8, usage: bits }),
  ) as [GPUBuffer, GPUBuffer];
  const [numbers, staging] = buffers;
  device.queue.writeBuffer(numbers, 0, Float32Array.of(tiny, 1));
  const pipeline = await device.createComputePipelineAsync({
    layout: "auto",
    compute: { module: device.createShaderModule({ code: shader }), entryPoint: "main" },
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = [{ binding: 0, resource: { buffer: numbers } }];
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(numbers, 0, staging, 0, 8);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(mapForReading);
  const [product] = new Float32Array(staging.getMappedRange());
  for (const buffer of buffers) buffer.destroy();
  return product === Math.fround(tiny);
}
