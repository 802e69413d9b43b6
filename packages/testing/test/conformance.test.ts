import { referenceBackend } from "@amari/backend-reference";
import { type Backend, BackendError, DTypeError, setDefaultBackend } from "@amari/core";
import { conformance } from "@amari/testing";
import { describe, expect, it } from "vitest";

const reference = referenceBackend();
setDefaultBackend(reference);

/** The reference, whose submissions throw from some call on. */
function throwing(error: Error, from: (call: number) => boolean): Backend {
  let calls = 0;
  const broken = referenceBackend();
  const { submit } = broken;
  broken.submit = (...args) => {
    if (from(calls++)) throw error;
    submit.apply(broken, args);
  };
  return broken;
}

const options = { reference, floats: ["float32"], only: (name: string) => name === "sin" } as const;

describe("what a backend declines", () => {
  it("is unsupported where the backend works otherwise", async () => {
    const error = new DTypeError("no such dtype today");
    const { unsupported, failures } = await conformance(
      throwing(error, (call) => call === 0),
      options,
    );
    expect(unsupported).toBe(1);
    expect(failures).toEqual([]);
  });

  it("is a failure where the backend computes nothing any more", async () => {
    const error = new BackendError("the device was lost");
    const { passed, unsupported, failures } = await conformance(
      throwing(error, (call) => call > 20),
      options,
    );
    expect(passed).toBeGreaterThan(0);
    expect(unsupported).toBe(0);
    expect(failures.length).toBeGreaterThan(0);
    expect(failures[0]).toContain("the device was lost");
  });
});
