import { readFileSync } from "node:fs";
import * as core from "@amari/core";
import * as fisher from "@amari/fisher";
import * as nn from "@amari/nn";
import * as optim from "@amari/optim";
import * as amari from "amari";
import { expect, test } from "vitest";

test("one import holds everything public of core, nn and optim, and fisher by its name", () => {
  const expected = [core, nn, optim].flatMap((module) => Object.keys(module));
  // A name that two packages export would be left out silently by `export *`.
  expect(Object.keys(amari)).toEqual(expect.arrayContaining(expected));
  expect(Object.keys(amari.fisher).sort()).toEqual(Object.keys(fisher).sort());
});

test("the import sets the default backend", async () => {
  expect(amari.getDefaultBackend().name).toBe("cpu");
  expect(await amari.tensor([1, 2]).mul(2).array()).toEqual([2, 4]);
});

test("the import stays light: it reaches nothing of the command line", () => {
  const source = readFileSync(new URL("../src/index.ts", import.meta.url), "utf8");
  const imported = [...source.matchAll(/(?:from|import) "([^"]+)"/g)].map(([, specifier]) => specifier!);
  // The packages below declare no dependency outside the repository, which `pnpm check:imports` guards.
  expect(imported.length).toBeGreaterThan(4);
  expect(imported.filter((specifier) => !specifier.startsWith("@amari/"))).toEqual([]);
});
