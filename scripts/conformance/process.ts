/** One of the processes of `pnpm conformance`. Its argument is the job, as JSON. */
import { once } from "node:events";
import { orRefuse } from "../options.ts";
import { type Job, type News, run } from "./run.ts";

/** What it says. It is answered, by a number, where it asks which check is the next. */
export type Message = News | { readonly kind: "next" };

const say = (message: Message): void => void process.send!(message);

await orRefuse(() =>
  run(JSON.parse(process.argv[2]!) as Job, {
    tell: say,
    next: async () => {
      say({ kind: "next" });
      const [number] = await once(process, "message");
      return number as number;
    },
  }),
);
process.disconnect();
