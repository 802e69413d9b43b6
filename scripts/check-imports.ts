/**
 * Imports only go down: checks that the sources of the packages
 *   - have no cycle of files, imports of types included,
 *   - import only packages of lower layers, and only those that their package.json declares,
 *   - reach other packages through their exports, never by a path.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { cycles, type Edge, type Import, importsOf, relativeTarget, splitSpecifier } from "./imports.ts";

/** The folders under packages/, from the lowest layer to the highest. */
const layers = [
  "core",
  "backend-reference",
  "backend-cpu",
  "backend-webgpu",
  "testing",
  "optim",
  "fisher",
  "data",
  "nn",
  "amari",
];

/**
 * Imports of types, each written "from -> to", that may close a cycle because no other way was found. Imports of
 * values never may.
 */
const unavoidable: readonly string[] = [];

interface Package {
  readonly folder: string;
  readonly name: string;
  readonly declared: ReadonlySet<string>;
  readonly exports: Readonly<Record<string, string | { "@amari/source"?: string }>>;
}

const failures: string[] = [];
const fail = (at: Import | string, message: string): void => {
  failures.push(`${typeof at === "string" ? at : `${at.from}:${at.line}`}: ${message}`);
};

function readPackage(path: string): Package {
  const json = JSON.parse(readFileSync(path, "utf8"));
  const runtime = { ...json.dependencies, ...json.peerDependencies, ...json.optionalDependencies };
  return {
    folder: path.split("/")[1]!,
    name: json.name,
    declared: new Set(Object.keys(runtime)),
    exports: json.exports ?? {},
  };
}

function sourcesOf(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`);
}

const manifests = readdirSync("packages").map((folder) => `packages/${folder}/package.json`);
const packages = manifests.filter((path) => existsSync(path)).map(readPackage);
const byName = new Map(packages.map((p) => [p.name, p]));
const byFolder = new Map(packages.map((p) => [p.folder, p]));
const files = new Set(packages.flatMap((p) => sourcesOf(`packages/${p.folder}/src`)).sort());

function isBelow(lower: Package, upper: Package): boolean {
  return layers.indexOf(lower.folder) < layers.indexOf(upper.folder);
}

/** The file that an import leads to; undefined for modules from outside and for what has failed. */
function resolve(i: Import): string | undefined {
  const own = byFolder.get(i.from.split("/")[1]!)!;
  if (i.specifier.startsWith(".")) {
    const target = relativeTarget(i.from, i.specifier);
    if (!target.startsWith(`packages/${own.folder}/src/`)) fail(i, `"${i.specifier}" leaves the package`);
    else if (!files.has(target)) fail(i, `there is no file ${target}`);
    else return target;
    return undefined;
  }
  if (isBuiltin(i.specifier)) return undefined;

  const [name, subpath] = splitSpecifier(i.specifier);
  const other = byName.get(name);
  if (other === own) {
    fail(i, `${name} imports itself by name`);
    return undefined;
  }
  if (other && !isBelow(other, own)) fail(i, `${own.name} is not above ${name}`);
  if (!own.declared.has(name)) fail(i, `"${name}" is not among the dependencies of ${own.name}`);
  if (!other) return undefined;

  const target = other.exports[subpath];
  const source = typeof target === "object" ? target["@amari/source"] : undefined;
  if (!source) fail(i, `${name} does not export "${subpath}"`);
  return source && relativeTarget(`packages/${other.folder}/package.json`, source);
}

for (const p of packages) {
  if (!layers.includes(p.folder)) fail(`packages/${p.folder}`, "has no place in the layers of this script");
  for (const name of p.declared) {
    const other = byName.get(name);
    if (other && !isBelow(other, p))
      fail(`packages/${p.folder}/package.json`, `${name} is not below ${p.name}`);
  }
}

const imports = [...files].flatMap((path) => importsOf(path, readFileSync(path, "utf8")));
const edges: Edge[] = imports.flatMap((i) => {
  const to = resolve(i);
  return to ? [{ ...i, to }] : [];
});

const isExcused = (e: Edge): boolean => e.typeOnly && unavoidable.includes(`${e.from} -> ${e.to}`);
for (const entry of unavoidable) {
  if (!edges.some((e) => isExcused(e) && `${e.from} -> ${e.to}` === entry))
    fail(entry, "is excused but not there");
}
for (const cycle of cycles(edges.filter((e) => !isExcused(e)))) {
  const steps = cycle.map((e) => `\n    -> ${e.to}${e.typeOnly ? "  (types only)" : ""}`);
  fail(cycle[0]!, `a cycle of ${cycle.length} imports${steps.join("")}`);
}

const types = imports.filter((i) => i.typeOnly).length;
for (const failure of failures) console.error(failure);
console.log(
  `${packages.length} packages, ${files.size} files, ${imports.length} imports (${types} of types only), ` +
    `${unavoidable.length} excused, ${failures.length} failures`,
);
if (failures.length > 0) process.exitCode = 1;
