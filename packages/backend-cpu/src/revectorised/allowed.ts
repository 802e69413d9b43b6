interface Host {
  readonly platform?: string;
  readonly arch?: string;
  readonly versions?: { readonly v8?: string };
  getBuiltinModule?(name: "node:fs"): { readFileSync(path: string, encoding: "utf8"): string } | undefined;
}

/** The versions of V8 that were tested: those of Node 24 and 26. Others may abort the process, which nothing can catch. */
const testedVersions: readonly string[] = ["13.6", "14.6"];

/** Why V8 may not be asked to pair vectors here; null if it may: Node on an x64 Linux, both of which were tested. */
export function whyNotRevectorised(): string | null {
  const { process: host } = globalThis as { process?: Host };
  const version = host?.versions?.v8;
  if (version === undefined) return "it is a flag of V8 that only Node can set";
  if (!testedVersions.some((tested) => version.startsWith(`${tested}.`)))
    return `it has been tested with V8 ${testedVersions.join(" and ")} (Node 24 and 26); this is ${version}`;
  if (host?.platform !== "linux" || host.arch !== "x64")
    return `it has been tested on linux x64; this is ${host?.platform} ${host?.arch}`;
  return hasWideVectors(host) ? null : "it needs a processor with AVX2 and FMA";
}

function hasWideVectors(host: Host): boolean {
  try {
    const text = host.getBuiltinModule?.("node:fs")?.readFileSync("/proc/cpuinfo", "utf8") ?? "";
    const flags = /^flags\s*:(.*)$/m.exec(text)?.[1]?.split(" ") ?? [];
    return flags.includes("avx2") && flags.includes("fma");
  } catch {
    return false;
  }
}
