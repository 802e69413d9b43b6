/** One of the processes of `pnpm conformance`: takes checks until none is left, and tells what came of them. */
import { once } from "node:events";
import { cpuBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import { webgpu } from "@amari/backend-webgpu";
import { type Backend, type DType, setDefaultBackend } from "@amari/core";
import { type ConformanceOptions, conformance, type Outcome } from "@amari/testing";

/** What a process is asked to do: its argument, as JSON. */
export interface Job extends Required<Pick<ConformanceOptions, "every" | "programs" | "large" | "seed">> {
  readonly backend: keyof typeof backends;
  readonly dtype?: DType | undefined;
  readonly only?: readonly string[] | undefined;
}

/** What it says. It is answered, by a number, where it asks which check is the next that nobody has taken. */
export type Message =
  | { readonly kind: "begun"; readonly backend: string }
  | { readonly kind: "checked"; readonly operation: string; readonly outcome: Outcome }
  | { readonly kind: "next" };

const backends = {
  cpu: cpuBackend as () => Backend,
  webgpu,
  reference: referenceBackend as () => Backend,
} as const;

const { backend: name, dtype, only, ...options } = JSON.parse(process.argv[2]!) as Job;
const say = (message: Message): void => void process.send!(message);
const reference = referenceBackend();
setDefaultBackend(reference);
const backend = await backends[name]();
say({ kind: "begun", backend: backend.name });
await conformance(backend, {
  ...options,
  reference,
  ...(dtype !== undefined && { floats: [dtype] }),
  ...(only && { only: (operation) => only.includes(operation) }),
  claim: async () => {
    say({ kind: "next" });
    const [number] = await once(process, "message");
    return number as number;
  },
  onCheck: ({ operation }, outcome) => say({ kind: "checked", operation, outcome }),
});
await backend.close();
process.disconnect();
