import { BackendError, getDefaultBackend, tensor } from "@amari/core";
import { expect, it } from "vitest";

// This file sets no default backend on purpose.

it("without a backend host data is readable, and computing says how to set one", async () => {
  const x = tensor([1, 2]);
  expect(Array.from(await x.data())).toEqual([1, 2]);
  expect(() => x.add(1).dataSync()).toThrow(BackendError);
  await expect(x.add(1).data()).rejects.toThrow(/import "amari".*setDefaultBackend\(referenceBackend\(\)\)/);
  expect(getDefaultBackend).toThrow(BackendError);
});
