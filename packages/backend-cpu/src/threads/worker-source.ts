import { words } from "./protocol.ts";

/** What a worker is sent. */
export type Message =
  /** The first one. */
  | { readonly memory: WebAssembly.Memory; readonly control: number; readonly index: number }
  /** A module whose exports later modules import, beside the memory and the number of the thread as the global `thread`. */
  | { readonly library: WebAssembly.Module }
  /** A program, whose kernels are exported as `kernel0`, `kernel1`, ... */
  | { readonly program: number; readonly module: WebAssembly.Module; readonly kernels: number }
  /** A program that will not be run any more. */
  | { readonly forget: number };

/**
 * How often a worker without work looks for some before it sleeps: 0.1 to 0.2 ms. Waking up takes 20 to 65 us, and finding
 * a worker awake less than one.
 */
const spins = 200_000;

/**
 * The program of a worker, as text: so it needs no file of its own, which bundlers would have to know of, and runs from
 * source as well as built. `listen(receive)` comes from the platform.
 *
 * Messages reach a worker only between its turns, so it leaves its loop whenever there is mail that it has not received.
 */
export const workerSource: string = `"use strict";
const words = ${JSON.stringify(words)};
const { load, add, sub, store, wait, notify } = Atomics;
const programs = new Map();
const environment = {};
let control;
let own;
let delivered = 0;

function unavailable() {
  throw new Error("this function exists on the main thread only");
}

function instantiate(module) {
  const env = { ...environment };
  for (const { name, kind } of WebAssembly.Module.imports(module)) {
    if (kind === "function" && !(name in env)) env[name] = unavailable;
  }
  return new WebAssembly.Instance(module, { env }).exports;
}

function take(message) {
  if ("memory" in message) {
    environment.memory = message.memory;
    environment.thread = message.index + 1;
    control = new Int32Array(message.memory.buffer, message.control);
    own = words.workers + message.index * words.perWorker;
  } else if ("library" in message) {
    Object.assign(environment, instantiate(message.library));
  } else if ("module" in message) {
    const exported = instantiate(message.module);
    programs.set(message.program, Array.from({ length: message.kernels }, (_, i) => exported["kernel" + i]));
  } else {
    programs.delete(message.forget);
  }
}

function receive(message) {
  try {
    take(message);
  } catch {
    store(control, words.failed, 1);
  }
  store(control, own + words.delivered, ++delivered);
  serve();
}

function work() {
  while (load(control, words.remaining) > 0) {
    const left = sub(control, words.remaining, 1);
    if (left <= 0) return;
    try {
      const kernel = programs.get(control[words.program])[control[words.kernel]];
      const chunk = control[words.chunk];
      const from = (control[words.chunks] - left) * chunk;
      kernel(from, Math.min(from + chunk, control[words.extent]));
    } catch {
      store(control, words.failed, 1);
    }
    control[own + words.computed]++;
    if (sub(control, words.pending, 1) === 1) notify(control, words.pending);
  }
}

function serve() {
  for (;;) {
    const epoch = load(control, words.epoch);
    if (load(control, words.mail) > delivered) return;
    work();
    let turns = ${spins};
    while (load(control, words.epoch) === epoch && --turns > 0);
    if (turns > 0) continue;
    add(control, words.sleepers, 1);
    wait(control, words.epoch, epoch);
    sub(control, words.sleepers, 1);
  }
}

listen(receive);
`;
