type Callback = (...args: unknown[]) => void;
type SetImmediate = (callback: Callback) => unknown;

const host = globalThis as unknown as { setImmediate: SetImmediate };

/** How long the thread sleeps between two looks at the device, in milliseconds: longer and longer. */
const naps = { step: 0.02, longest: 1 };

/**
 * Lets synchronous code wait for the device. Dawn in Node looks what the device has finished when the event loop turns: it
 * hands a function to `setImmediate`, again and again while it owes an answer. That function may be called at any other
 * time as well, and mapped buffers can be read afterwards. The engines of browsers have nothing like it.
 */
export class Turns {
  private readonly look: Callback;
  private readonly setImmediate: SetImmediate;
  private readonly pillow = new Int32Array(new SharedArrayBuffer(4));
  private isQueued = false;

  private constructor(look: Callback, setImmediate: SetImmediate) {
    this.look = look;
    this.setImmediate = setImmediate;
  }

  /** Asks the engine for something, and catches how it looks for the answer; null where it has another way. */
  static catch<T>(ask: () => T): { readonly answer: T; readonly turns: Turns | null } {
    const { setImmediate } = host;
    if (setImmediate === undefined) return { answer: ask(), turns: null };
    const caught: Callback[] = [];
    const answer = withImmediate((callback) => {
      caught.push(callback);
      setImmediate(callback);
    }, ask);
    return { answer, turns: caught[0] === undefined ? null : new Turns(caught[0], setImmediate) };
  }

  /** Asks the engine for something that {@link blockUntil} may wait for. */
  ask<T>(ask: () => T): T {
    return withImmediate(() => this.queue(), ask);
  }

  /** Stands still until something is over that the device was asked for. */
  blockUntil(isOver: () => boolean): void {
    this.ask(() => {
      for (let nap = 0; !isOver(); nap = Math.min(naps.longest, nap + naps.step)) {
        if (nap > 0) Atomics.wait(this.pillow, 0, 0, nap);
        this.look();
      }
    });
  }

  /** Has the event loop look too, once, however often synchronous code asks for it. */
  private queue(): void {
    if (this.isQueued) return;
    this.isQueued = true;
    this.setImmediate(() => {
      this.isQueued = false;
      this.ask(this.look);
    });
  }
}

/** Calls a function during which another `setImmediate` stands in for the host's. */
function withImmediate<T>(other: SetImmediate, run: () => T): T {
  const { setImmediate } = host;
  host.setImmediate = other;
  try {
    return run();
  } finally {
    host.setImmediate = setImmediate;
  }
}
