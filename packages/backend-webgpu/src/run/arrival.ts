import { BackendError } from "@amari/core";
import type { Turns } from "../device/turns.ts";
import { mapForReading } from "../device/usage.ts";
import type { Task, Wait } from "./task-queue.ts";

/** What is on its way from the device. */
export interface Arrival<T> {
  readonly promise: Promise<T>;
  /** Waits for it here and now, where the engine lets synchronous code wait. */
  readonly force?: (() => T) | undefined;
}

/** The bytes of a buffer that is for reading, once what was submitted has run; the buffer is destroyed. */
export function arrivalOf(staging: GPUBuffer, turns: Turns | null): Arrival<Uint8Array> {
  let bytes: Uint8Array | null = null;
  const take = (): Uint8Array => {
    if (bytes === null) {
      bytes = new Uint8Array(staging.getMappedRange().slice());
      staging.destroy();
    }
    return bytes;
  };
  const map = () => staging.mapAsync(mapForReading);
  const promise = (turns === null ? map() : turns.ask(map)).then(take, (error: unknown) => {
    staging.destroy();
    throw error;
  });
  // Who takes the bytes by force does not wait for it.
  promise.catch(() => {});
  return {
    promise,
    force:
      turns === null
        ? undefined
        : () => {
            turns.blockUntil(() => staging.mapState !== "pending");
            if (bytes === null && staging.mapState !== "mapped")
              throw new BackendError("the WebGPU device was lost before a value could be read");
            return take();
          },
  };
}

/** Several, as one. */
export function together<T>(arrivals: readonly Arrival<T>[]): Arrival<readonly T[]> {
  const forces = arrivals.flatMap(({ force }) => force ?? []);
  return {
    promise: Promise.all(arrivals.map(({ promise }) => promise)),
    force: forces.length === arrivals.length ? () => forces.map((force) => force()) : undefined,
  };
}

/** Waits for what arrives inside a task: goes on with it, or throws what it was rejected with. */
export function* settle<T>({ promise, force }: Arrival<T>, then: (value: T) => void): Task {
  let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
  const note = (value: T): void => {
    outcome = { value };
  };
  const fail = (error: unknown): void => {
    outcome = { error };
  };
  const wait: Wait = {
    promise: promise.then(note, fail),
    ...(force && {
      force: () => {
        try {
          note(force());
        } catch (error) {
          fail(error);
        }
      },
    }),
  };
  yield wait;
  if (outcome !== undefined && "error" in outcome) throw outcome.error;
  then(outcome!.value);
}
