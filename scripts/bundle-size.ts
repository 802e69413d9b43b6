import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";

/** Bytes of minified code. */
export interface BundleSize {
  readonly minified: number;
  readonly gzipped: number;
  /** The share of each part of the sources, largest first: `core/ops`, `backend-cpu/emit`. */
  readonly parts: readonly { readonly name: string; readonly minified: number; readonly gzipped: number }[];
}

/** A program that needs all of the core and the CPU backend, and nothing of the other packages. */
const wholeProgram = `
  import { setDefaultBackend } from "@amari/core";
  import { cpuBackend } from "@amari/backend-cpu";
  export * from "@amari/core";
  setDefaultBackend(cpuBackend());
`;

/** A program that differentiates and compiles, and imports no more than that. */
export const smallProgram: string = `
  import { grad, jit, tensor } from "amari";
  console.log(jit(grad((x) => x.square().sum()))(tensor([1, 2])).dataSync());
`;

const entry = "size-of-amari.ts";

async function minifiedModules(
  program: string,
): Promise<{ code: string; modules: ReadonlyMap<string, string> }> {
  const build = await rolldown({
    input: entry,
    platform: "browser",
    resolve: { conditionNames: ["@amari/source", "import", "default"] },
    plugins: [
      {
        name: "the program",
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? program : undefined),
      },
    ],
    external: /^node:/,
  });
  const { output } = await build.generate({ format: "esm", minify: true });
  const [chunk] = output;
  const modules = Object.entries(chunk.modules).map(([id, { code }]) => [id, code ?? ""] as const);
  return { code: chunk.code, modules: new Map(modules) };
}

const gzipped = (code: string): number => gzipSync(code, { level: 9 }).length;

/** Bundles, minifies and measures. The parts share the whole in proportion to their code, gzipped each by itself. */
export async function bundleSize(program: string = wholeProgram): Promise<BundleSize> {
  const { code, modules } = await minifiedModules(program);
  const texts = new Map<string, string>();
  for (const [id, text] of modules) {
    const part = /packages\/([^/]+)\/src\/(?:([^/]+)\/)?/.exec(id);
    if (part === null) continue;
    const name = part[2] === undefined ? part[1]! : `${part[1]}/${part[2]}`;
    texts.set(name, (texts.get(name) ?? "") + text);
  }
  const total = [...texts.values()].reduce((sum, text) => sum + text.length, 0);
  const all = { minified: Buffer.byteLength(code), gzipped: gzipped(code) };
  const compressed = [...texts].map(([name, text]) => ({ name, text, bytes: gzipped(text) }));
  const totalCompressed = compressed.reduce((sum, { bytes }) => sum + bytes, 0);
  const parts = compressed.map(({ name, text, bytes }) => ({
    name,
    minified: Math.round((all.minified * text.length) / total),
    gzipped: Math.round((all.gzipped * bytes) / totalCompressed),
  }));
  return { ...all, parts: parts.sort((a, b) => b.gzipped - a.gzipped) };
}
