import { referenceBackend } from "@amari/backend-reference";
import { arange, jit, setDefaultBackend, type Tensor } from "@amari/core";
import { afterAll, describe, expect, it } from "vitest";
import { backendOrNull } from "./support.ts";

const backend = await backendOrNull("elementwise kernels of quads");

afterAll(() => backend?.close());

const numbers = (...shape: number[]): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return arange(size).mod(97).astype("float32").sub(48).reshape(shape) as Tensor;
};

/** Computed in quads, each from its operand in memory, and by the reference. */
async function expectSame(
  f: (...x: Tensor[]) => Tensor,
  inQuads: boolean,
  ...shapes: number[][]
): Promise<void> {
  setDefaultBackend(referenceBackend());
  const expected = await f(...shapes.map((shape) => numbers(...shape))).data();
  setDefaultBackend(backend!);
  const operands = shapes.map((shape) => numbers(...shape).realise() as Tensor);
  expect(await jit(f)(...operands).data()).toEqual(expected);
  const text = backend!.explain(backend!.compile(latest()));
  expect(text.includes("array<vec4<u32>>;")).toBe(inQuads);

  /** The program that has just run. */
  function latest(): Parameters<NonNullable<typeof backend>["compile"]>[0] {
    return (backend as unknown as { readonly latest: never }).latest;
  }
}

describe.skipIf(backend === null)("an elementwise kernel with many points", () => {
  const big = [257, 256];

  it("computes four neighbours at a time", async () => {
    await expectSame((x, y) => x!.mul(y!).add(1) as Tensor, true, big, big);
  });

  it("reads what stands still once for all four, and knows the place of each", async () => {
    await expectSame((x, row) => x!.mul(row!).add(arange(256)) as Tensor, true, big, [256]);
    await expectSame((x, column) => x!.mul(column!) as Tensor, true, big, [257, 1]);
  });

  it("keeps bools and choices apart", async () => {
    await expectSame((x) => x!.gt(0).where(x!.mul(2) as never, -1) as Tensor, true, big);
  });

  it("goes one by one where rows do not end with a quad, or run across", async () => {
    await expectSame((x) => x!.add(1) as Tensor, false, [65_539]);
    await expectSame((x) => x!.transpose().mul(2) as Tensor, false, big);
  });

  it("may write its result over its operand", async () => {
    setDefaultBackend(backend!);
    const x = numbers(...big).realise() as Tensor;
    const step = jit((x: Tensor) => x.mul(2) as Tensor, { donate: [0] });
    const result = (await step(x).data()) as Float32Array;
    expect(result.slice(0, 5)).toEqual(Float32Array.of(-96, -94, -92, -90, -88));
    expect(result.at(-1)).toBe(2 * (((257 * 256 - 1) % 97) - 48));
  });
});
