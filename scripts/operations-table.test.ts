import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { page, target } from "./operations-table.ts";

it("docs/operations.md is what pnpm docs:operations writes from the table", () => {
  expect(readFileSync(target, "utf8")).toBe(page());
});
