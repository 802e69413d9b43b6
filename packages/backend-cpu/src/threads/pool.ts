import { BackendError } from "@amari/core";
import type { Heap } from "../heap.ts";
import { startWorker, type WorkerHandle } from "./platform.ts";
import { controlBytes, wordOf, words } from "./protocol.ts";
import type { Message } from "./worker-source.ts";

/** A kernel of a program that workers know, and how it is cut. */
export interface Job {
  readonly program: number;
  readonly kernel: number;
  readonly run: (from: number, to: number) => void;
  /** The end of the range, which begins at 0. */
  readonly extent: number;
  readonly chunk: number;
  /** Nanoseconds that the whole of it takes one thread, roughly. */
  readonly cost: number;
}

/** From so many nanoseconds of work on, waking workers pays: it takes them 20 to 65 us. */
export const worthWaking = 100_000;

/** How often the main thread looks whether the workers are done before it sleeps: they finish within a chunk of it. */
const joinSpins = 20_000;

/** How long the main thread sleeps at a time. */
const napMilliseconds = 10;

/** After so many milliseconds of waiting for a chunk its worker is taken for dead. */
const patience = 10_000;

/** How the workers fare, apart from the pool: what refers to it outlives the pool. */
interface Fate {
  closed: boolean;
  failure: string | null;
}

const abandoned = new FinalizationRegistry<() => void>((terminate) => terminate());

/**
 * Workers that run kernels together with the main thread, on one shared memory. They are started in the background when
 * a program is first sent to them; until they have received it, the main thread runs alone.
 */
export class ThreadPool {
  /** How many threads there are, the main one included. */
  readonly threads: number;
  private readonly heap: Heap;
  private readonly fate: Fate = { closed: false, failure: null };
  private readonly control: Int32Array;
  private readonly controlAddress: number;
  private readonly canSleep: boolean;
  private workers: readonly WorkerHandle[] = [];
  private readonly libraries: WebAssembly.Module[] = [];
  private programs = 0;
  private computed = 0;

  constructor(heap: Heap, threads: number) {
    this.heap = heap;
    this.threads = threads;
    const bytes = controlBytes(threads - 1);
    this.controlAddress = heap.alloc(bytes).address;
    this.control = new Int32Array(heap.memory.buffer, this.controlAddress, bytes / 4).fill(0);
    this.canSleep = canWait(this.control);
  }

  /** Adds a module whose exports programs may import. */
  addLibrary(module: WebAssembly.Module): void {
    this.libraries.push(module);
    if (this.workers.length > 0) this.post(() => ({ library: module }));
  }

  /** Sends a program to all workers. Returns its number and that of the message, for {@link hasReceived}. */
  send(module: WebAssembly.Module, kernels: number): { readonly program: number; readonly message: number } {
    this.start();
    const program = this.programs++;
    return { program, message: this.post(() => ({ program, module, kernels })) };
  }

  /** Lets the workers forget a program. */
  forget(program: number): void {
    if (!this.fate.closed) this.post(() => ({ forget: program }));
  }

  /** How many chunks each thread has computed, the main one first; workers only once they are started. */
  get chunks(): readonly number[] {
    return [this.computed, ...this.workers.map((_, i) => this.control[wordOf(i, "computed")]!)];
  }

  get closed(): boolean {
    return this.fate.closed;
  }

  /** Whether all workers have dealt with a message. */
  hasReceived(message: number): boolean {
    const { control, workers } = this;
    return workers.every((_, i) => Atomics.load(control, wordOf(i, "delivered")) >= message);
  }

  /** @throws BackendError if a worker has died or failed */
  check(): void {
    const { fate, control } = this;
    if (Atomics.load(control, words.failed) !== 0) fate.failure ??= "it could not run what it was sent";
    if (fate.failure === null) return;
    throw new BackendError(
      `a worker thread of the CPU backend has died: ${fate.failure}. What it was computing is lost; make a fresh backend ` +
        "with cpuBackend(), or one without workers with cpuBackend({ threads: 1 }) or AMARI_THREADS=1",
    );
  }

  /** Wakes sleeping workers for so much work, if it is enough. */
  wake(cost: number): void {
    const { control } = this;
    if (cost < worthWaking || Atomics.load(control, words.sleepers) === 0) return;
    Atomics.add(control, words.epoch, 1);
    Atomics.notify(control, words.epoch);
  }

  /**
   * Runs a kernel together with the workers that are awake.
   *
   * @throws BackendError if a worker dies or fails
   */
  run(job: Job): void {
    const { control } = this;
    const chunks = Math.ceil(job.extent / job.chunk);
    control[words.program] = job.program;
    control[words.kernel] = job.kernel;
    control[words.extent] = job.extent;
    control[words.chunk] = job.chunk;
    control[words.chunks] = chunks;
    Atomics.store(control, words.pending, chunks);
    Atomics.store(control, words.remaining, chunks);
    Atomics.add(control, words.epoch, 1);
    this.wake(job.cost);
    for (;;) {
      const left = Atomics.sub(control, words.remaining, 1);
      if (left <= 0) break;
      const from = (chunks - left) * job.chunk;
      job.run(from, Math.min(from + job.chunk, job.extent));
      Atomics.sub(control, words.pending, 1);
      this.computed++;
    }
    this.join(job);
    if (Atomics.load(control, words.failed) !== 0) this.check();
  }

  async close(): Promise<void> {
    this.fate.closed = true;
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }

  /** Waits until every chunk is finished. */
  private join(job: Job): void {
    const { control } = this;
    for (let turn = 0; turn < joinSpins; turn++) if (Atomics.load(control, words.pending) === 0) return;
    // Counted in short waits rather than by the clock, which also runs while the whole process is stopped.
    const limit = Math.max(patience, (job.cost / 1e6) * 100);
    for (let waited = 0; waited < limit; waited += napMilliseconds) {
      const pending = Atomics.load(control, words.pending);
      if (pending === 0) return;
      if (this.canSleep) Atomics.wait(control, words.pending, pending, napMilliseconds);
      else spinUntil(performance.now() + napMilliseconds, () => Atomics.load(control, words.pending) === 0);
    }
    this.fate.failure ??= `no sign of life for ${Math.round(limit / 1000)} s`;
    this.check();
  }

  private start(): void {
    const { fate, heap, controlAddress } = this;
    if (this.workers.length > 0 || fate.closed) return;
    const ended = (reason: string) => {
      if (!fate.closed) fate.failure ??= reason;
    };
    const workers = Array.from({ length: this.threads - 1 }, () => startWorker(ended));
    this.workers = workers;
    abandoned.register(this, () => {
      fate.closed = true;
      for (const worker of workers) void worker.terminate();
    });
    this.post((index) => ({ memory: heap.memory, control: controlAddress, index }));
    for (const library of this.libraries) this.post(() => ({ library }));
  }

  /** Sends a message to every worker; returns how many they have been sent. */
  private post(messageFor: (index: number) => Message): number {
    const { control, workers } = this;
    // First the count, so that workers leave their loop, then the message, so that none stays behind in it.
    const mail = Atomics.add(control, words.mail, 1) + 1;
    workers.forEach((worker, index) => {
      worker.post(messageFor(index));
    });
    Atomics.add(control, words.epoch, 1);
    Atomics.notify(control, words.epoch);
    return mail;
  }
}

/** Whether this thread may sleep: the main thread of a page may not. */
function canWait(control: Int32Array): boolean {
  try {
    Atomics.wait(control, words.pending, -1, 0);
    return true;
  } catch {
    return false;
  }
}

function spinUntil(time: number, isDone: () => boolean): void {
  while (!isDone() && performance.now() < time);
}
