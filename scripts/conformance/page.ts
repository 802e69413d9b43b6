/** One of the pages of `pnpm conformance --browser`: what its opener calls, and what it is given to call. */
import type { Message } from "./process.ts";
import { type Job, type Listener, run } from "./run.ts";

/** What the program that has opened the page exposes to it. */
type Opener = { [name in keyof Listener as `${name}Opener`]: Listener[name] };

declare global {
  // Functions of the page are found by their names on the global object.
  var runInPage: (job: Job) => Promise<void>;
  var runInWorker: (job: Job) => Promise<void>;
}

const { tellOpener: tell, nextOpener: next } = globalThis as unknown as Opener;

globalThis.runInPage = (job) => run(job, { tell, next });

globalThis.runInWorker = (job) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.onmessage = async ({ data }: MessageEvent<Message | { readonly kind: "ended" }>) => {
      if (data.kind === "next") worker.postMessage(await next());
      else if (data.kind === "ended") resolve();
      else tell(data);
    };
    worker.postMessage(job);
  });
