import { OutOfMemoryError } from "../errors/errors.ts";
import type { Backend } from "./backend.ts";
import { forgetReceivers, showSite } from "./site.ts";
import { type Account, accounts, release, totalBytes } from "./storage.ts";

/**
 * The valve keeps a loop in flat memory although JavaScript's engine does not see what a storage weighs and runs no
 * finalizer inside synchronous code: past a budget of bytes, or past a number of storages, it collects garbage and
 * frees the blocks of collected storages itself.
 */

let budget = 2 ** 30;
let bytesTrigger = budget / 4;
const countFloor = 20_000;
let countTrigger = countFloor;

/** Sets how many bytes live tensors may take before {@link OutOfMemoryError}. The default is 1 GiB. */
export function setMemoryBudget(bytes: number): void {
  budget = bytes;
  bytesTrigger = bytes / 4;
}

/** Makes room for `bytes` more. @throws OutOfMemoryError listing the live storages by where they were made. */
export function reserve(bytes: number): void {
  const wanted = totalBytes() + bytes;
  if (wanted <= bytesTrigger && accounts.size <= countTrigger) return;
  collectGarbage();
  // What survived is in use: collect again only when it has grown by half, so that collections stay rare.
  bytesTrigger = Math.min(budget, Math.max(budget / 4, 1.5 * (totalBytes() + bytes)));
  countTrigger = Math.max(countFloor, 2 * accounts.size);
  if (totalBytes() + bytes > budget) {
    throw new OutOfMemoryError(
      `${bytes} bytes more would exceed the memory budget of ${budget} bytes: ${totalBytes()} bytes are live.\n` +
        `${describeLive()}\nDrop references to tensors that are no longer needed, donate arguments of jit, or raise ` +
        "the budget with setMemoryBudget(bytes). In a browser, await something in the loop: nothing can be collected " +
        "inside synchronous code there.",
    );
  }
}

/**
 * Calls `f`, which takes memory of a backend: once more after a collection where the backend has none left. `f` takes
 * nothing where it throws.
 *
 * @throws OutOfMemoryError that says what the memory was for and lists the live storages
 */
export function withRoom<T>(f: () => T, purpose: () => string): T {
  try {
    return f();
  } catch (error) {
    if (!(error instanceof OutOfMemoryError)) throw error;
    collectGarbage();
  }
  try {
    return f();
  } catch (error) {
    if (!(error instanceof OutOfMemoryError)) throw error;
    throw new OutOfMemoryError(
      `${error.message}\nIt was wanted for ${purpose()}. In use are\n${describeLive()}`,
    );
  }
}

/** Frees the blocks of storages that can no longer be reached. Returns whether the engine let us collect. */
export function collectGarbage(): boolean {
  // A stack that was never formatted holds the receivers of its frames: in `state = state.next()` the state before, whose
  // storages hold the one before that. Formatting costs some 6 us, so it waits until a collection needs it.
  for (const { owner } of accounts) {
    const storage = owner.deref();
    if (storage !== undefined) forgetReceivers(storage.site);
  }
  const collected = engineCollector()?.() !== undefined;
  for (const account of accounts) if (account.owner.deref() === undefined) release(account);
  return collected;
}

/** Live storages by the place that made them, largest first; storages under 16 KiB have one entry for all of them. */
export interface MemoryReport {
  readonly storages: number;
  readonly bytes: number;
  readonly sites: readonly { readonly site: string; readonly storages: number; readonly bytes: number }[];
}

/**
 * What live tensors hold, by creation site. Unreachable storages count until they are collected; `collect` (the
 * default) collects first where the engine allows it.
 */
export function memory({ collect = true }: { readonly collect?: boolean } = {}): MemoryReport {
  if (collect) collectGarbage();
  return { storages: accounts.size, bytes: totalBytes(), sites: liveSites(() => true) };
}

function liveSites(counts: (account: Account) => boolean): MemoryReport["sites"] {
  const sites = new Map<string, { storages: number; bytes: number }>();
  for (const account of accounts) {
    if (!counts(account)) continue;
    const owner = account.owner.deref();
    const key = owner === undefined ? "unreachable, not yet collected" : showSite(owner.site);
    const entry = sites.get(key) ?? { storages: 0, bytes: 0 };
    entry.storages++;
    entry.bytes += account.bytes;
    sites.set(key, entry);
  }
  return [...sites].map(([site, entry]) => ({ site, ...entry })).sort((a, b) => b.bytes - a.bytes);
}

/** The live storages, of one backend or of all, by where they were made: a line for each place, the largest first. */
export function describeLive(backend?: Backend): string {
  const shown = 10;
  const sites = liveSites((account) => backend === undefined || account.backend === backend);
  const lines = sites
    .slice(0, shown)
    .map((s) => `  ${s.bytes} bytes in ${s.storages} storages made at ${s.site}`);
  return sites.length > shown
    ? [...lines, `  and ${sites.length - shown} more places`].join("\n")
    : lines.join("\n");
}

type Collector = () => true;
let collector: Collector | null | undefined;

/** A full collection that also clears weak references of the current job, where the engine is that of Node, Deno or Bun. */
function engineCollector(): Collector | null {
  if (collector === undefined) collector = findCollector();
  return collector;
}

interface NodeBuiltins {
  readonly "node:v8": { setFlagsFromString(flags: string): void };
  readonly "node:vm": {
    createContext(sandbox: object, options?: object): object;
    runInNewContext(code: string): unknown;
    Script: new (code: string) => { runInContext(context: object): unknown };
  };
}

function findCollector(): Collector | null {
  const { Bun, process } = globalThis as {
    Bun?: { gc(force: boolean): void };
    process?: { getBuiltinModule?<K extends keyof NodeBuiltins>(name: K): NodeBuiltins[K] };
  };
  if (Bun !== undefined) {
    return () => {
      Bun.gc(true);
      return true;
    };
  }
  const load = process?.getBuiltinModule;
  if (load === undefined) return null;
  const vm = load("node:vm");
  load("node:v8").setFlagsFromString("--expose-gc");
  const gc = vm.runInNewContext("gc") as (() => void) | undefined;
  if (typeof gc !== "function") return null;
  // A WeakRef made in this job keeps its target until the job ends. Draining the microtasks of another context is the
  // one synchronous checkpoint after which the engine forgets those targets; undocumented, and covered by a test.
  const script = new vm.Script("0");
  return () => {
    script.runInContext(vm.createContext({}, { microtaskMode: "afterEvaluate" }));
    gc();
    return true;
  };
}
