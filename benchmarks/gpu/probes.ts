/** What a device reaches in programs that do nothing else: the roof that kernels are judged by. */
export interface Roof {
  /** Bytes read and written in a second by a copy. */
  readonly bytes: number;
  /** Float32 operations in a second, two for each fused multiply-add. */
  readonly operations: number;
  /** Whether the device's own clock said so, or the host's, around the whole submission. */
  readonly clock: "device" | "host";
}

const invocations = 256;

const copy = `@group(0) @binding(0) var<storage, read> from_: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> to: array<vec4<f32>>;
@compute @workgroup_size(${invocations})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  for (var i = id.x; i < arrayLength(&to); i += groups.x * ${invocations}u) { to[i] = from_[i]; }
}
`;

/** Sums in flight of an invocation, so that none waits for the one before. */
const chains = 8;

/** Chains of dependent multiply-adds, which a compiler can neither shorten nor drop. */
const multiplyAdds = (turns: number): string => {
  const each = (line: (i: number) => string) => Array.from({ length: chains }, (_, i) => line(i)).join("\n");
  return `@group(0) @binding(0) var<storage, read> from_: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> to: array<vec4<f32>>;
@compute @workgroup_size(${invocations})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let x = from_[0];
  let y = from_[1];
${each((i) => `  var s${i} = from_[${i} + 2];`)}
  for (var turn = 0; turn < ${turns}; turn++) {
${each((i) => `    s${i} = fma(s${i}, x, y);`)}
  }
  to[id.x] = ${Array.from({ length: chains }, (_, i) => `s${i}`).join(" + ")};
}
`;
};

/** How large the probes are: a software driver would take minutes for those of a GPU. */
const sizes = {
  gpu: { bytes: 2 ** 28, groups: 2 ** 14, turns: 1024 },
  software: { bytes: 2 ** 24, groups: 2 ** 5, turns: 1024 },
} as const;

const rounds = 8;

/** Measures the roof of a device: the best of some rounds each. */
export async function probe(device: GPUDevice, isSoftware: boolean): Promise<Roof> {
  const { bytes, groups, turns } = isSoftware ? sizes.software : sizes.gpu;
  const hasClock = device.features.has("timestamp-query");
  const size = Math.min(bytes, device.limits.maxStorageBufferBindingSize);
  const [from, to] = [0, 1].map(() =>
    device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST }),
  ) as [GPUBuffer, GPUBuffer];
  const best = async (text: string, count: number): Promise<number> => {
    const run = await prepare(device, text, [from, to], count);
    let least = Infinity;
    for (let round = 0; round < rounds; round++) {
      least = Math.min(least, hasClock ? await byDevice(device, run) : await byHost(device, run));
    }
    return least / 1000;
  };
  try {
    // Few enough groups for one dimension, each of which goes through many elements.
    const copied = await best(copy, Math.min(65_535, Math.ceil(size / 16 / invocations)));
    const multiplied = await best(multiplyAdds(turns), groups);
    return {
      bytes: (2 * size) / copied,
      operations: (2 * 4 * chains * turns * groups * invocations) / multiplied,
      clock: hasClock ? "device" : "host",
    };
  } finally {
    from.destroy();
    to.destroy();
  }
}

/** Records one run of a program into an encoder. */
type Run = (encoder: GPUCommandEncoder, timestampWrites?: GPUComputePassTimestampWrites) => void;

async function prepare(
  device: GPUDevice,
  code: string,
  buffers: readonly GPUBuffer[],
  groups: number,
): Promise<Run> {
  const module = device.createShaderModule({ code });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
  const bindings = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  return (encoder, timestampWrites) => {
    const pass = encoder.beginComputePass(timestampWrites && { timestampWrites });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindings);
    pass.dispatchWorkgroups(groups);
    pass.end();
  };
}

/** Milliseconds of a run by the clock of the device. */
async function byDevice(device: GPUDevice, run: Run): Promise<number> {
  const querySet = device.createQuerySet({ type: "timestamp", count: 2 });
  const resolved = device.createBuffer({
    size: 16,
    usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
  });
  const staging = device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  run(encoder, { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 });
  encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const [begin, end] = new BigUint64Array(staging.getMappedRange());
  const milliseconds = Number(end! - begin!) / 1e6;
  for (const each of [querySet, resolved, staging]) each.destroy();
  // A clock that stood still, or ran backwards, has measured nothing.
  return milliseconds > 0 ? milliseconds : Infinity;
}

/** Milliseconds of a run by the clock of the host. */
async function byHost(device: GPUDevice, run: Run): Promise<number> {
  const encoder = device.createCommandEncoder();
  run(encoder);
  const commands = encoder.finish();
  const begin = performance.now();
  device.queue.submit([commands]);
  await device.queue.onSubmittedWorkDone();
  return performance.now() - begin;
}
