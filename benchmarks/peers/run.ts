import type { Peer, PeerName } from "./peers.ts";
import { PeerError, PeerProcess } from "./process.ts";
import type { DeviceTimes } from "./serve.ts";
import type { Workload } from "./workloads.ts";

export interface Plan {
  readonly workloads: readonly Workload[];
  readonly peers: readonly Peer[];
  readonly rounds: number;
  readonly threads: number;
  /** For each peer, workload and round. */
  readonly milliseconds: number;
}

/** What one peer did with one workload. */
export interface Result {
  readonly workload: string;
  readonly peer: PeerName;
  /** The best of the rounds' medians, in milliseconds; null where the peer could not. */
  readonly time: number | null;
  readonly medians: readonly number[];
  readonly check: readonly number[];
  /** By the device's own clock, where the peer says it. */
  readonly device: DeviceTimes | null;
  readonly error: string | null;
}

export interface Measurements {
  readonly results: readonly Result[];
  readonly versions: Readonly<Record<string, string>>;
}

/** Told what happens next, for a progress bar. */
export type Report = (label: string) => void;

/** The most that preparing (with 21 training steps) or measuring may take: the slowest peer needs half of it. */
const limit = 300_000;

/**
 * Runs every workload on every peer. The processes of one workload live side by side and take turns, so that a machine
 * that slows down slows them all; idle ones wait for a line and use nothing.
 */
export async function run(plan: Plan, report: Report): Promise<Measurements> {
  const versions: Record<string, string> = {};
  const results: Result[] = [];
  for (const workload of plan.workloads) {
    const entries = plan.peers.map((peer) => ({
      peer,
      process: new PeerProcess(peer, plan.threads),
      medians: [] as number[],
      check: [] as number[],
      device: null as DeviceTimes | null,
      error: null as string | null,
    }));
    const attempt = async (entry: (typeof entries)[number], label: string, work: () => Promise<void>) => {
      report(`${workload.id} ${entry.peer.title} ${label}`);
      if (entry.error !== null) return;
      try {
        await work();
      } catch (error) {
        if (!(error instanceof PeerError)) throw error;
        entry.error = error.message;
        entry.process.stop();
      }
    };
    try {
      for (const entry of entries) {
        await attempt(entry, "prepares", async () => {
          const prepared = await entry.process.prepare(workload, limit);
          Object.assign(versions, prepared.versions);
          entry.check = prepared.check;
        });
      }
      for (let round = 1; round <= plan.rounds; round++) {
        for (const entry of entries) {
          await attempt(entry, `round ${round}`, async () => {
            entry.medians.push(await entry.process.measure(plan.milliseconds, limit));
          });
        }
      }
      for (const entry of entries) {
        if (entry.peer.hasDevice !== true) continue;
        await attempt(entry, "by its device", async () => {
          entry.device = await entry.process.device(limit);
        });
      }
    } finally {
      for (const { process } of entries) process.stop();
    }
    for (const { peer, medians, check, device, error } of entries) {
      const time = error === null ? Math.min(...medians) : null;
      results.push({ workload: workload.id, peer: peer.name, time, medians, check, device, error });
    }
  }
  return { results, versions };
}

/** How many times {@link run} reports. */
export const steps = ({ workloads, peers, rounds }: Plan): number =>
  workloads.length * (peers.length * (rounds + 1) + peers.filter(({ hasDevice }) => hasDevice).length);
