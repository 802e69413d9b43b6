import { operations } from "@amari/core";
import { describe, expect, test } from "vitest";
import { runCommandLine } from "../src/cli/program.ts";
import { recorded } from "./support.ts";

const run = async (...args: string[]) => {
  const output = recorded();
  const code = await runCommandLine(args, output);
  return { code, out: output.text(), err: output.errors() };
};

describe("help and version", () => {
  test.each([[[]], [["--help"]], [["-h"]]])("%j prints the commands with examples", async (args) => {
    const { code, out, err } = await run(...args);
    expect(code).toBe(0);
    expect(err).toBe("");
    for (const part of ["start", "operations", "backends", "compare", "Examples:", "--quick"])
      expect(out).toContain(part);
  });

  test("--version prints the version of the package", async () => {
    expect(await run("--version")).toEqual({ code: 0, out: "0.1.0", err: "" });
  });

  test("start --help lists its options with their defaults", async () => {
    const { code, out } = await run("start", "--help");
    expect(code).toBe(0);
    for (const option of ["--steps", "--seed", "--out", "--optimizers", "--backend", "--quick"])
      expect(out).toContain(option);
    expect(out).toContain("report.html");
  });
});

describe("mistakes of the user", () => {
  test.each([
    [["strat"], /unknown command 'strat'[\s\S]*Did you mean start/],
    [["start", "--stepps", "3"], /unknown option '--stepps'[\s\S]*Did you mean --steps/],
    [
      ["start", "--steps", "ten"],
      /--steps <number>' argument 'ten' is invalid[\s\S]*whole number from 1 to 100000/,
    ],
    [["start", "--steps", "0"], /whole number/],
    [["start", "--seed", "1.5"], /whole number/],
    [["start", "--optimizers", "adam,addam"], /"addam" is not among fadam, fadafactor/],
    [["start", "--backend", "gpu"], /argument 'gpu' is invalid[\s\S]*one of reference, cpu, webgpu/],
    [["start", "--out"], /argument missing/],
    [["start", "--out", "/dev/null/report.html", "--quick"], /\/dev\/null/],
    [["start", "surplus"], /too many arguments/],
    [["operations", "--family", "nothing"], /Expected one of composite/],
    [["operations", "xyzzy"], /none of the \d+ operations/],
  ])("%j says what is wrong and exits with 1, without a stack", async (args, message) => {
    const { code, err } = await run(...args);
    expect(code).toBe(1);
    expect(err).toMatch(message);
    expect(err).not.toMatch(/^\s+at /m);
  });
});

describe("operations", () => {
  test("lists the whole table", async () => {
    const { code, out } = await run("operations");
    expect(code).toBe(0);
    for (const name of operations.keys()) expect(out).toMatch(new RegExp(`^${name}\\s`, "m"));
    expect(out).toContain(`${operations.size} of ${operations.size} operations`);
  });

  test("filters by name, whatever the case", async () => {
    const { out } = await run("operations", "SOFTM");
    expect(out).toMatch(/^softmax\s/m);
    expect(out).not.toMatch(/^add\s/m);
  });

  test("filters by form and by derivative, as JSON", async () => {
    const { out } = await run("operations", "--family", "reduction", "--not-differentiable", "--json");
    const rows = JSON.parse(out) as { name: string; form: string; derivative: string }[];
    expect(rows.map(({ name }) => name)).toContain("argmax");
    expect(rows.every(({ form, derivative }) => form === "reduction" && derivative !== "yes")).toBe(true);
  });
});

test("backends names the default backend, its dtypes and the machine", async () => {
  const { code, out } = await run("backends");
  expect(code).toBe(0);
  expect(out).toMatch(/^cpu\s+yes\s+synchronous\s+.*float64/m);
  expect(out).toMatch(/^reference\s+no\s+synchronous\s+.*float64/m);
  expect(out).toContain(`Node ${process.versions.node}`);
  expect(out).toMatch(/The tier of cpu is relaxed: WebAssembly .*, on 1 thread\./);
});
