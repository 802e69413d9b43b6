import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Peer } from "./peers.ts";
import { type Answer, answerMark, type DeviceTimes, deviceRequest } from "./serve.ts";
import type { Workload } from "./workloads.ts";

/** A peer that could not do what it was asked. */
export class PeerError extends Error {}

/** A process of a peer, with one workload in it. */
export class PeerProcess {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;
  private complaints = "";

  constructor(peer: Peer, threads: number) {
    const { file, args, env } = peer.command(threads);
    this.child = spawn(file, args, { env: { ...process.env, ...env } });
    this.child.stderr.on("data", (chunk: Buffer) => {
      this.complaints = (this.complaints + chunk.toString()).slice(-2000);
    });
    // A write to a process that has died is reported by the answer that does not come.
    this.child.stdin.on("error", () => {});
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** Makes the workload ready. @returns versions, and the numbers that all peers must agree on */
  async prepare(
    workload: Workload,
    limit: number,
  ): Promise<{ versions: Record<string, string>; check: number[] }> {
    const { versions } = await this.answer("versions", limit);
    this.child.stdin.write(`${JSON.stringify(workload)}\n`);
    const { check } = await this.answer("check", limit);
    return { versions: { ...versions }, check: [...check] };
  }

  /** Measures for about so many milliseconds. @returns the median in milliseconds */
  async measure(milliseconds: number, limit: number): Promise<number> {
    this.child.stdin.write(`${milliseconds}\n`);
    const { median } = await this.answer("median", limit);
    return median;
  }

  /** What the peer's device says, where it can be asked. */
  async device(limit: number): Promise<DeviceTimes | null> {
    this.child.stdin.write(`${deviceRequest}\n`);
    const { device } = await this.answer("device", limit);
    return device;
  }

  /** Ends the process. */
  stop(): void {
    this.child.kill("SIGKILL");
  }

  private async answer<K extends string>(
    key: K,
    limit: number,
  ): Promise<Extract<Answer, Record<K, unknown>>> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new PeerError(`no answer within ${limit / 1000} s`)), limit);
    });
    try {
      return await Promise.race([this.next(key), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  private async next<K extends string>(key: K): Promise<Extract<Answer, Record<K, unknown>>> {
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done) throw new PeerError(`the process ended: ${cause(this.complaints)}`);
      if (!value.startsWith(answerMark)) continue;
      const answer = JSON.parse(value.slice(answerMark.length)) as Answer;
      if ("error" in answer) throw new PeerError(answer.error.split("\n")[0]!);
      if (key in answer) return answer as Extract<Answer, Record<K, unknown>>;
    }
  }
}

/** The line of a stack trace, of Node or Python, that names the error. */
function cause(complaints: string): string {
  const lines = complaints.trim().split("\n");
  return lines.findLast((line) => /^\S*(Error|Exception)\b/.test(line)) ?? lines.at(-1)!;
}
