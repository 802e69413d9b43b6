import type { System } from "./remedy.ts";

/** The slice of Node that is used, so that this package needs no types of Node and loads in browsers. */
interface NodeProcess {
  readonly platform: string;
  readonly versions?: { readonly node?: string; readonly deno?: string; readonly bun?: string };
  readonly env: Record<string, string | undefined>;
  getBuiltinModule?(name: "node:fs"): {
    existsSync(path: string): boolean;
    readFileSync(path: string, encoding: "utf8"): string;
  };
}

/** The system that this program runs on, whose environment can be changed. */
export interface CurrentSystem extends System {
  setVariable(name: string, value: string): void;
}

/** Looks around. */
export function currentSystem(): CurrentSystem {
  const { process, navigator, isSecureContext } = globalThis as unknown as {
    process?: NodeProcess;
    navigator?: { readonly userAgent?: string };
    isSecureContext?: boolean;
  };
  const { deno, bun, node } = process?.versions ?? {};
  const engine = deno ? "Deno" : bun ? "Bun" : node ? "Node" : "browser";
  const isLinux = /Linux/.test(navigator?.userAgent ?? "") && !/Android/.test(navigator?.userAgent ?? "");
  const files = engine === "browser" ? undefined : process?.getBuiltinModule?.("node:fs");
  return {
    engine,
    platform: engine === "browser" ? (isLinux ? "linux" : "unknown") : process!.platform,
    isSecure: isSecureContext ?? true,
    variable: (name) => orElse(undefined, () => process?.env[name]),
    setVariable: (name, value) => {
      process!.env[name] = value;
    },
    // What may not be looked at, as in Deno without a permission, is taken to be there.
    exists: (path) =>
      orElse(true, () => files === undefined || !files.existsSync("/") || files.existsSync(path)),
    read: (path) => orElse("", () => files?.readFileSync(path, "utf8") ?? ""),
  };
}

/** What `f` gives, or something else where it throws: a file may be missing, and Deno asks for permissions. */
function orElse<T>(otherwise: T, f: () => T): T {
  try {
    return f();
  } catch {
    return otherwise;
  }
}
