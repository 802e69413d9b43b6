/**
 * What `pnpm test:engines` runs in each engine: training, a loop that allocates more than it may keep, threads, and WebGPU
 * where there is one. Prints what came of it as JSON, and needs no permission.
 */
import { webgpu } from "@amari/backend-webgpu";
import { iris } from "@amari/data";
import {
  applyUpdates,
  type Backend,
  type CpuBackend,
  cpuBackend,
  crossEntropy,
  fadam,
  jit,
  memory,
  ones,
  random,
  setDefaultBackend,
  setMemoryBudget,
  type Tensor,
  tensor,
  valueAndGrad,
  zeros,
} from "amari";

/** What an engine makes of it. */
export interface Findings {
  readonly cpu: string;
  /** Losses, which must be the same to the bit everywhere: engines may round a relaxed multiply-add once or twice, so without. */
  readonly losses: readonly number[];
  /** The most that a loop held which made 2 GiB, in MiB, of the budget of 128. */
  readonly mostMegabytes: number;
  /** Whether threads give the same bits as one, and how many chunks of work each has done. */
  readonly sameBits: boolean;
  readonly chunks: readonly number[];
  /** The device of WebGPU with the last loss there, or why there is none. */
  readonly webgpu: { readonly device: string; readonly loss: number } | { readonly missing: string };
}

const cpu = cpuBackend();
const losses = await train(cpuBackend({ tier: "simd128" }), 100);
const mostMegabytes = allocate();
const { sameBits, chunks } = await shareWork();
const findings: Findings = {
  cpu: `${cpu.tier}, ${cpu.threads} threads`,
  losses,
  mostMegabytes,
  sameBits,
  chunks,
  webgpu: await trainOnGpu(),
};
console.log(JSON.stringify(findings));

/** Logistic regression on the irises, as in the quickstart. */
async function train(backend: Backend, steps: number): Promise<number[]> {
  setDefaultBackend(backend);
  const { x, y } = iris();
  let params = { w: random.normal(random.key(0), [4, 3]), b: zeros([3]) };
  const loss = (p: typeof params) => crossEntropy(x.matmul(p.w).add(p.b), y).mean();
  const optimizer = fadam({ learningRate: 1e-2 });
  let state = optimizer.init(params);
  const step = jit((p: typeof params, s: typeof state) => {
    const [value, gradients] = valueAndGrad(loss)(p);
    const [updates, next] = optimizer.update(gradients, s, p);
    return [applyUpdates(p, updates), next, value] as const;
  });
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    let value: Tensor<[]>;
    [params, state, value] = step(params, state);
    losses.push(await value.item());
  }
  return losses;
}

/** A synchronous loop, inside which nothing is collected unless the valve sees to it. */
function allocate(): number {
  setDefaultBackend(cpu);
  setMemoryBudget(2 ** 27);
  let x = ones([512, 512]) as Tensor;
  let most = 0;
  for (let i = 0; i < 2048; i++) {
    x = x.mul(0.999).realise() as Tensor;
    most = Math.max(most, memory({ collect: false }).bytes);
  }
  setMemoryBudget(2 ** 30);
  return most / 2 ** 20;
}

async function shareWork(): Promise<Pick<Findings, "sameBits" | "chunks">> {
  const [alone, together] = [cpuBackend({ threads: 1 }), cpuBackend({ threads: 3 })];
  const [expected, got] = [await multiply(alone), await multiply(together)];
  const chunks = together.chunksByThread;
  await together.close();
  return { sameBits: expected.every((x, i) => Object.is(x, got[i])), chunks };
}

/** A large product, again and again until the workers have had time to start. */
async function multiply(backend: CpuBackend): Promise<number[]> {
  setDefaultBackend(backend);
  const size = 512;
  const x = tensor(Float32Array.from({ length: size * size }, (_, i) => Math.sin(i))).reshape([size, size]);
  const f = jit((a: Tensor) => a.matmul(a).sigmoid().sum(0) as Tensor);
  for (let turn = 0; ; turn++) {
    const result = Array.from(await f(x as Tensor).data(), Number);
    const hasHelp = backend.threads === 1 || backend.chunksByThread.slice(1).some((count) => count > 0);
    if (hasHelp || turn === 200) return result;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function trainOnGpu(): Promise<Findings["webgpu"]> {
  try {
    const backend = await webgpu();
    const { description, vendor, architecture } = backend.description;
    const losses = await train(backend, 100);
    await backend.close();
    return { device: description || `${vendor} ${architecture}`, loss: losses.at(-1)! };
  } catch (error) {
    return { missing: (error as Error).message };
  }
}
