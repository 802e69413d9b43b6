import { createInterface } from "node:readline";
import type { Workload } from "./workloads.ts";

/** A workload made ready in a peer. */
export interface Work {
  /** What is measured; it frees what it makes. */
  run(): void | Promise<void>;
  /** Called once, first: numbers that all peers must agree on. */
  check(): number[] | Promise<number[]>;
  /** Where a device has a clock of its own: what that says. */
  device?(): Promise<DeviceTimes>;
}

/** Milliseconds of a run on a device. */
export interface DeviceTimes {
  /** The sum over the kernels, each by itself. */
  readonly kernels: number;
  /** Of one of many runs that follow each other without being awaited. */
  readonly stream: number;
}

/** The line that asks a process for its {@link DeviceTimes}. */
export const deviceRequest = "device";

/** What a peer's process tells the command, one line of JSON each. */
export type Answer =
  | { readonly versions: Readonly<Record<string, string>> }
  | { readonly check: readonly number[] }
  | { readonly median: number; readonly best: number; readonly samples: number }
  | { readonly device: DeviceTimes | null }
  | { readonly error: string };

/** Lines that begin so are answers; anything else is a library talking to the terminal. */
export const answerMark = "@answer ";

/** Shorter runs are measured several at a time. */
const shortestSample = 0.5;

const now = (): number => performance.now();

async function repeat(work: Work, times: number): Promise<number> {
  const start = now();
  for (let i = 0; i < times; i++) {
    const pending = work.run();
    if (pending !== undefined) await pending;
  }
  return (now() - start) / times;
}

/** Milliseconds of single runs: at least three, and as many as fit the time. */
async function measure(
  work: Work,
  milliseconds: number,
): Promise<{ median: number; best: number; samples: number }> {
  const first = await repeat(work, 1);
  const times = Math.max(1, Math.ceil(shortestSample / Math.max(first, 1e-4)));
  const samples: number[] = [];
  const start = now();
  while (samples.length < 3 || now() - start < milliseconds) {
    samples.push(await repeat(work, times));
    if (now() - start > 4 * milliseconds) break;
  }
  samples.sort((a, b) => a - b);
  return { median: samples[samples.length >> 1]!, best: samples[0]!, samples: samples.length };
}

/**
 * The life of a peer's process: it is told a workload, says its versions and its check values, then measures each time
 * a line with a number of milliseconds arrives, or its device's clock when a line asks for it, until the input ends.
 */
export async function serve(
  versions: Readonly<Record<string, string>>,
  prepare: (workload: Workload) => Work | Promise<Work>,
): Promise<void> {
  const answer = (message: Answer): void => {
    process.stdout.write(`${answerMark}${JSON.stringify(message)}\n`);
  };
  answer({ versions });
  let work: Work | undefined;
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      if (work === undefined) {
        work = await prepare(JSON.parse(line) as Workload);
        answer({ check: await work.check() });
      } else if (line === deviceRequest) answer({ device: (await work.device?.()) ?? null });
      else answer(await measure(work, Number(line)));
    } catch (error) {
      answer({ error: error instanceof Error ? error.message : String(error) });
      return;
    }
  }
}
