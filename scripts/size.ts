/** Prints what the core and the CPU backend weigh in a user's bundle, and what is left where a program uses little. */
import { bundleSize, smallProgram } from "./bundle-size.ts";

const { minified, gzipped, parts } = await bundleSize();
const row = (name: string, a: number, b: number): string =>
  `${name.padEnd(28)} ${(a / 1000).toFixed(1).padStart(8)} ${(b / 1000).toFixed(1).padStart(8)}`;

console.log(`${"kB (1000 bytes)".padEnd(28)} ${"minified".padStart(8)} ${"gzipped".padStart(8)}`);
for (const name of ["core", "backend-cpu"]) {
  const own = parts.filter((part) => part.name.split("/")[0] === name);
  const sum = (key: "minified" | "gzipped") => own.reduce((total, part) => total + part[key], 0);
  console.log(row(name, sum("minified"), sum("gzipped")));
  for (const part of own)
    console.log(row(`  ${part.name.slice(name.length + 1) || "(top)"}`, part.minified, part.gzipped));
}
console.log(row("core with the CPU backend", minified, gzipped));
const small = await bundleSize(smallProgram);
console.log(row("only tensor, grad and jit", small.minified, small.gzipped));
