import { conformance } from "@amari/testing";
import { referenceBackend, setDefaultBackend } from "amari";
import { expect, test } from "vitest";
import { makeBackend, title } from "./support.ts";

/** One check in so many is run; all of them by pnpm conformance --browser. */
const every = 160;

test("the backend agrees with the reference on a sample of the conformance suite", async () => {
  const reference = referenceBackend();
  setDefaultBackend(reference);
  const backend = await makeBackend();
  const start = performance.now();
  const { checks, passed, unsupported, failures } = await conformance(backend, {
    reference,
    every,
    programs: 60,
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(
    `${title}: ${passed} of ${checks} conformance checks passed, ${unsupported} are declared unsupported, in ${seconds} s`,
  );
  expect(failures).toEqual([]);
  expect(passed).toBeGreaterThan(1000 / every);
  await backend.close();
});
