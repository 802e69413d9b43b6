import { expect, test } from "vitest";
import { cycles, type Edge, importsOf, relativeTarget, splitSpecifier } from "./imports.ts";

const edge = (from: string, to: string, typeOnly = false): Edge => ({
  from,
  to,
  specifier: to,
  typeOnly,
  line: 1,
});

test("every way of naming a module is found, and types are told from values", () => {
  const text = `
    import a, { type A } from "./a.ts";
    import type { B } from "./b.ts";
    import { type C } from "./c.ts";
    import "./d.ts";
    export * from "./e.ts";
    export type { F } from "./f.ts";
    const g: typeof import("./g.ts") = await import("./h.ts");
    declare module "./i.ts" {}
    const text = 'import "./no.ts"'; // import "./no.ts"
  `;
  const found = importsOf("x.ts", text).map((i) => [i.specifier, i.typeOnly, i.line]);
  expect(found).toEqual([
    ["./a.ts", false, 2],
    ["./b.ts", true, 3],
    ["./c.ts", true, 4],
    ["./d.ts", false, 5],
    ["./e.ts", false, 6],
    ["./f.ts", true, 7],
    ["./g.ts", true, 8],
    ["./h.ts", false, 8],
    ["./i.ts", true, 9],
  ]);
});

test("a file without cycles has none", () => {
  expect(cycles([edge("a", "b"), edge("a", "c"), edge("b", "c")])).toEqual([]);
});

test("a cycle is reported once, by its shortest way round, types included", () => {
  const found = cycles([edge("a", "b"), edge("b", "c"), edge("c", "a"), edge("c", "b", true)]);
  expect(found.map((cycle) => cycle.map((e) => e.to).sort())).toEqual([["b", "c"]]);
});

test("a file that imports itself is a cycle", () => {
  expect(cycles([edge("a", "a")])).toHaveLength(1);
});

test("specifiers", () => {
  expect(splitSpecifier("@amari/core")).toEqual(["@amari/core", "."]);
  expect(splitSpecifier("vite/client")).toEqual(["vite", "./client"]);
  expect(relativeTarget("packages/core/src/ops/add.ts", "../shape.ts")).toBe("packages/core/src/shape.ts");
});
