import { type Backend, BackendError } from "@amari/core";

/** A backend of this machine. */
export interface Opened {
  readonly name: string;
  readonly backend: Backend;
  /** What it runs on, in a few words. */
  readonly about: string;
}

/** A backend, or why it is missing. */
export type Found =
  | Opened
  | {
      readonly name: string;
      readonly backend: null;
      readonly about: string;
    };

const makers: Readonly<Record<string, () => Promise<Omit<Opened, "name">>>> = {
  reference: async () => {
    const { referenceBackend } = await import("@amari/backend-reference");
    return { backend: referenceBackend(), about: "the definition of every operation, slow" };
  },
  cpu: async () => {
    const { cpuBackend } = await import("@amari/backend-cpu");
    const backend = cpuBackend();
    return {
      backend,
      about: `${backend.tier}, ${backend.threads} thread${backend.threads === 1 ? "" : "s"}`,
    };
  },
  webgpu: async () => {
    const { webgpu } = await import("@amari/backend-webgpu");
    const backend = await webgpu();
    const { description, vendor, isSoftware } = backend.description;
    return {
      backend,
      about: `${description || vendor}${isSoftware ? ", in software: the CPU is faster" : ""}`,
    };
  },
};

/** The names of all backends that there are. */
export const backendNames: readonly string[] = Object.keys(makers);

/** A fresh backend by name. @throws BackendError where this machine does not have it, which says what to install */
export const openBackend = async (name: string): Promise<Opened> => ({ name, ...(await makers[name]!()) });

/** The backends of this machine by name, and why the rest is missing. */
export async function findBackends(names: readonly string[] = backendNames): Promise<Found[]> {
  const found: Found[] = [];
  for (const name of names) {
    try {
      found.push(await openBackend(name));
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      found.push({ name, backend: null, about: error.message });
    }
  }
  return found;
}
