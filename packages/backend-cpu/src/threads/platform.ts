import { BackendError } from "@amari/core";
import { environmentVariable } from "../environment.ts";
import { type Message, workerSource } from "./worker-source.ts";

/** A worker of whatever platform this is. */
export interface WorkerHandle {
  post(message: Message): void;
  terminate(): Promise<void>;
}

interface NodeWorker {
  postMessage(message: unknown): void;
  terminate(): Promise<number>;
  unref(): void;
  on(event: "error", listener: (error: Error) => void): void;
  on(event: "exit", listener: (code: number) => void): void;
}

interface NodeBuiltins {
  readonly "node:worker_threads": { readonly Worker: new (source: string, options: object) => NodeWorker };
  readonly "node:os": { availableParallelism(): number };
}

interface NodeProcess {
  getBuiltinModule?<K extends keyof NodeBuiltins>(name: K): NodeBuiltins[K] | undefined;
}

const { process } = globalThis as { process?: NodeProcess };

/** No more threads than this unless asked for: memory is shared among the cores, and large programs are bound by it. */
const mostByDefault = 16;

/** The variable that says how many threads to use where the program does not. */
const variable = "AMARI_THREADS";

/**
 * How many threads a backend uses: what was asked for, else what the environment variable `AMARI_THREADS` says, else the
 * number of cores, and 16 at most. One where the platform has no workers on shared memory.
 *
 * @throws BackendError where either is no positive integer
 */
export function threadCount(asked?: number): number {
  const count = asked === undefined ? fromEnvironment() : validCount(asked, `threads: ${asked}`);
  if (!hasSharedWorkers()) return 1;
  return count ?? Math.min(cores(), mostByDefault);
}

function fromEnvironment(): number | undefined {
  const text = environmentVariable(variable);
  return text === undefined ? undefined : validCount(Number(text), `${variable}=${text}`);
}

function validCount(count: number, given: string): number {
  if (Number.isSafeInteger(count) && count >= 1 && count <= 1024) return count;
  throw new BackendError(
    `the CPU backend's number of threads is an integer from 1 to 1024; got ${given}. Leave it out for as many as there are cores`,
  );
}

function cores(): number {
  return (
    process?.getBuiltinModule?.("node:os")?.availableParallelism() ??
    (globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator?.hardwareConcurrency ??
    1
  );
}

/** Whether workers can be started that share memory: Node, and pages that are isolated from other origins. */
function hasSharedWorkers(): boolean {
  if (typeof SharedArrayBuffer !== "function") return false;
  if (process?.getBuiltinModule?.("node:worker_threads") !== undefined) return true;
  const { crossOriginIsolated, Worker } = globalThis as { crossOriginIsolated?: boolean; Worker?: unknown };
  return crossOriginIsolated === true && typeof Worker === "function";
}

/**
 * Starts a worker, which does not keep the process alive. `ended` is told if it ends by itself, unless that happens
 * while the main thread is busy: then it is told afterwards.
 */
export function startWorker(ended: (reason: string) => void): WorkerHandle {
  const threads = process?.getBuiltinModule?.("node:worker_threads");
  return threads === undefined ? startWebWorker(ended) : startNodeWorker(threads.Worker, ended);
}

function startNodeWorker(
  Worker: NodeBuiltins["node:worker_threads"]["Worker"],
  ended: (reason: string) => void,
): WorkerHandle {
  const listen = `const listen = (receive) => require("node:worker_threads").parentPort.on("message", receive);`;
  // Neither loaders nor flags of the main thread, which cost time and may assume it.
  const worker = new Worker(listen + workerSource, { eval: true, execArgv: [], env: {}, name: "amari" });
  worker.on("error", ({ message }) => ended(message));
  worker.on("exit", (code) => ended(`it exited with code ${code}`));
  worker.unref();
  return {
    post: (message) => worker.postMessage(message),
    terminate: async () => void (await worker.terminate()),
  };
}

function startWebWorker(ended: (reason: string) => void): WorkerHandle {
  const listen = "const listen = (receive) => { onmessage = ({ data }) => receive(data); };";
  const url = URL.createObjectURL(new Blob([listen + workerSource], { type: "text/javascript" }));
  const worker = new Worker(url, { name: "amari" });
  worker.addEventListener("error", ({ message }) => ended(message));
  return {
    post: (message) => worker.postMessage(message),
    terminate: async () => {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
}
