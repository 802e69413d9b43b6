import { cpuBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import { type WebgpuOptions, webgpu } from "@amari/backend-webgpu";
import { type Backend, type DType, setDefaultBackend } from "@amari/core";
import { type ConformanceOptions, conformance, type Outcome } from "@amari/testing";

/** What one of several runs is asked to do; plain data, since it runs in another process or in a browser. */
export interface Job extends Required<Pick<ConformanceOptions, "every" | "programs" | "large" | "seed">> {
  readonly backend: keyof typeof backends;
  /** Of the CPU backend. Default: what it takes by itself. */
  readonly threads?: number | undefined;
  /** Of WebGPU: a software driver takes other code by itself than a GPU. Default: what it takes by itself. */
  readonly webgpu?: WebgpuOptions | undefined;
  readonly dtype?: DType | undefined;
  readonly only?: readonly string[] | undefined;
}

/** What a run tells. */
export type News =
  | { readonly kind: "begun"; readonly backend: string }
  | { readonly kind: "checked"; readonly operation: string; readonly outcome: Outcome };

/** Whom a run speaks to: the program that shares the checks out. */
export interface Listener {
  tell(news: News): void;
  /** The number of the next check that no run has taken. */
  next(): Promise<number>;
}

const backends = {
  cpu: async ({ threads }: Job) => {
    const backend = cpuBackend(threads === undefined ? {} : { threads });
    return [backend, `cpu, ${backend.threads === 1 ? "1 thread" : `${backend.threads} threads`}`] as const;
  },
  webgpu: async ({ webgpu: options }: Job) => {
    const backend = await webgpu(options);
    const { description, vendor, architecture } = backend.description;
    return [backend, `webgpu, ${description || `${vendor} ${architecture}`}`] as const;
  },
  reference: async () => [referenceBackend(), "reference"] as const,
} satisfies Record<string, (job: Job) => Promise<readonly [Backend, description: string]>>;

/** Takes checks until none is left, and tells what came of them. */
export async function run(job: Job, { tell, next }: Listener): Promise<void> {
  const { backend: name, threads: _, webgpu: __, dtype, only, ...options } = job;
  const reference = referenceBackend();
  setDefaultBackend(reference);
  const [backend, description] = await backends[name](job);
  tell({ kind: "begun", backend: description });
  await conformance(backend, {
    ...options,
    reference,
    ...(dtype !== undefined && { floats: [dtype] }),
    ...(only && { only: (operation) => only.includes(operation) }),
    claim: next,
    onCheck: ({ operation }, outcome) => tell({ kind: "checked", operation, outcome }),
  });
  await backend.close();
}
