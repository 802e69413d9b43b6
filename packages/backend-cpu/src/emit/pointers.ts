import type { Affine } from "@amari/core/backend";
import type { FunctionBuilder, Local } from "../wasm/function.ts";

/** An access to memory: which buffer, where as a function of the loops, and how wide an element is. */
export interface Reference {
  readonly buffer: number;
  readonly access: Affine;
  readonly bytes: number;
}

interface Pointer extends Reference {
  readonly local: Local;
}

/**
 * Pointers to where the accesses of a loop's body begin, for the current point of the loops around it: one local for
 * each buffer and each way of running through it.
 */
export class Pointers {
  private readonly f: FunctionBuilder;
  private readonly counters: readonly Local[];
  /** The loops that the pointers follow. */
  private readonly loops: readonly number[];
  private readonly below: Pointers | null;
  private readonly pushAddress: (buffer: number) => void;
  private readonly pointers = new Map<string, Pointer>();

  /**
   * @param pushAddress - pushes the address of a buffer
   * @param below - pointers for loops further out, that these start from
   */
  constructor(
    f: FunctionBuilder,
    pushAddress: (buffer: number) => void,
    counters: readonly Local[],
    loops: readonly number[],
    below: Pointers | null = null,
  ) {
    this.f = f;
    this.pushAddress = pushAddress;
    this.counters = counters;
    this.loops = loops;
    this.below = below;
  }

  /** Computes the pointers of some references for the current point. */
  set(references: readonly Reference[]): void {
    const { f } = this;
    const done = new Set<string>();
    for (const reference of references) {
      if (this.passesOn(reference)) continue;
      const key = this.keyOf(reference);
      if (done.has(key)) continue;
      done.add(key);
      if (this.below !== null) f.get(this.below.of(reference));
      else {
        this.pushAddress(reference.buffer);
        const { offset } = reference.access;
        if (offset !== 0) f.i32(offset * reference.bytes).op("i32.add");
      }
      this.addLoops(reference, this.loops);
      f.set(this.pointerFor(reference).local);
    }
  }

  /** The local that points to where a reference begins. */
  of(reference: Reference): Local {
    return this.passesOn(reference) ? this.below!.of(reference) : this.pointerFor(reference).local;
  }

  /** Whether the pointers are moved along a loop. */
  follows(loop: number): boolean {
    return this.loops.includes(loop);
  }

  /** Adds to the address on the stack how far a reference has run along some loops. */
  addLoops({ access, bytes }: Reference, loops: readonly number[]): void {
    for (const loop of loops) {
      const stride = access.strides[loop] ?? 0;
      if (stride !== 0)
        this.f
          .get(this.counters[loop]!)
          .i32(stride * bytes)
          .op("i32.mul")
          .op("i32.add");
    }
  }

  /** Whether a reference does not move along these loops, so that the pointer further out will do. */
  private passesOn({ access }: Reference): boolean {
    return this.below !== null && this.loops.every((loop) => (access.strides[loop] ?? 0) === 0);
  }

  private pointerFor(reference: Reference): Pointer {
    const key = this.keyOf(reference);
    let pointer = this.pointers.get(key);
    if (pointer === undefined) {
      pointer = { ...reference, local: this.f.local("i32") };
      this.pointers.set(key, pointer);
    }
    return pointer;
  }

  private keyOf({ buffer, access, bytes }: Reference): string {
    const followed = this.followed().map((loop) => access.strides[loop] ?? 0);
    return `${buffer}+${access.offset}*${bytes}:${followed.join()}`;
  }

  private followed(): readonly number[] {
    return [...(this.below?.followed() ?? []), ...this.loops];
  }
}
