/**
 * Builds the packages as they are published: declarations by tsc, and the code bundled, one file for each entry of a
 * package and one for what its entries share. A module of its own costs a start about 0.3 ms, and there are hundreds.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { rolldown } from "rolldown";

interface Manifest {
  readonly exports: Readonly<
    Record<string, string | { readonly "@amari/source": string; readonly default: string }>
  >;
  readonly publishConfig?: { readonly bin?: Readonly<Record<string, string>> };
}

/** The sources that a package's manifest names, by the file that stands for each in `dist`. */
function entriesOf(folder: string): Record<string, string> {
  const { exports, publishConfig }: Manifest = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const name = (built: string): string => built.replace(/^\.\/dist\/(.*)\.js$/, "$1");
  const libraries = Object.values(exports)
    .filter((target) => typeof target === "object")
    .map((target) => [name(target.default), `${folder}/${target["@amari/source"]}`] as const);
  const programs = Object.values(publishConfig?.bin ?? {}).map(
    (built) => [name(built), `${folder}/src/${name(built)}.ts`] as const,
  );
  return Object.fromEntries([...libraries, ...programs]);
}

async function bundle(folder: string): Promise<void> {
  const dist = `${folder}/dist`;
  for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
    if (/\.js(\.map)?$/.test(file)) rmSync(`${dist}/${file}`);
  }
  const build = await rolldown({
    input: entriesOf(folder),
    // Other packages stay imports: a tensor of one package must be a tensor of the others.
    external: (id) => /^[^./]/.test(id) && !id.startsWith("packages/"),
    onLog: (level, log) => {
      if (level === "warn") throw new Error(log.message);
    },
  });
  await build.write({ dir: dist, format: "esm", sourcemap: true, chunkFileNames: "shared/[name]-[hash].js" });
}

execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-b", "tsconfig.packages.json"], {
  stdio: "inherit",
});
await Promise.all(readdirSync("packages").map((folder) => bundle(`packages/${folder}`)));
