import { conformance } from "@amari/testing";
import { referenceBackend, setDefaultBackend } from "amari";
import { expect, inject, test } from "vitest";
import { makeBackend, title } from "./support.ts";

const every = inject("every");
const programs = every === 1 ? 200 : 60;
// The whole suite takes as long as it takes.
const timeout = every === 1 ? 3_600_000 : 240_000;

test("the backend agrees with the reference on a sample of the conformance suite", { timeout }, async () => {
  const reference = referenceBackend();
  setDefaultBackend(reference);
  const backend = await makeBackend();
  const start = performance.now();
  const { checks, passed, unsupported, failures } = await conformance(backend, {
    reference,
    every,
    programs,
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(
    `${title}: ${passed} of ${checks} conformance checks passed, ${unsupported} are declared unsupported, in ${seconds} s`,
  );
  expect(failures).toEqual([]);
  expect(passed).toBeGreaterThan(1000 / every);
  await backend.close();
});
