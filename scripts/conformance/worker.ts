/** The worker in a page of `pnpm conformance --browser --worker`: speaks to the page as a process does to its parent. */
import { type Job, run } from "./run.ts";

const received = <T>(): Promise<T> =>
  new Promise((resolve) => {
    globalThis.onmessage = ({ data }: MessageEvent<T>) => resolve(data);
  });

const job = await received<Job>();
await run(job, {
  tell: (news) => postMessage(news),
  next: () => {
    const number = received<number>();
    postMessage({ kind: "next" });
    return number;
  },
});
postMessage({ kind: "ended" });
