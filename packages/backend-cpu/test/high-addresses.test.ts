import { cpuBackend } from "@amari/backend-cpu";
import { jit, setDefaultBackend, type Tensor, tensor } from "@amari/core";
import { expect, it } from "vitest";

it("routines, integer products and kernels work above 2 GiB, where addresses do not fit a signed word", async () => {
  const backend = cpuBackend({ threads: 1 });
  setDefaultBackend(backend);
  // Addresses only: no page of it is touched.
  const below = backend.alloc(2 ** 31);
  const x = tensor([3, 1, 2, 0]) as Tensor;
  const f = jit((x: Tensor) => x.add(1).sort().mul(2));
  expect(f(x).arraySync()).toEqual([2, 4, 6, 8]);
  const counts = tensor([1, 2, 3, 4], { shape: [1, 1, 4], dtype: "int32" }) as Tensor;
  expect(counts.conv(tensor([1, 1], { shape: [1, 1, 2], dtype: "int32" })).arraySync()).toEqual([
    [[3, 5, 7]],
  ]);
  backend.free(below);
  await backend.close();
});
