import { referenceBackend } from "@amari/backend-reference";
import { setDefaultBackend } from "@amari/core";
import { conformance } from "@amari/testing";
import { expect, test } from "vitest";
import { ToyBackend } from "./toy-backend.ts";

test("the toy backend passes a sample of the conformance suite", async () => {
  const reference = referenceBackend();
  setDefaultBackend(reference);
  const options = { reference, every: 120, programs: 30 };
  const { passed, checks, failures } = await conformance(new ToyBackend(), options);
  expect(failures).toEqual([]);
  expect(passed).toBe(checks);
  expect(checks).toBeGreaterThan(40);
}, 240_000);

test("a toy that is wrong is found out", async () => {
  const reference = referenceBackend();
  class Broken extends ToyBackend {
    // Everything that is read has lost its last bit.
    override async read(block: Parameters<ToyBackend["read"]>[0]): Promise<Uint8Array> {
      return (await super.read(block)).map((byte, i) => (i % 4 === 0 ? byte & 0xfe : byte));
    }
  }
  const { failures } = await conformance(new Broken(), { reference, only: (name) => name === "exp" });
  expect(failures.length).toBeGreaterThan(0);
}, 60_000);
