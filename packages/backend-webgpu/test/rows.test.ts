import { referenceBackend } from "@amari/backend-reference";
import { jit, setDefaultBackend, type Tensor, tensor } from "@amari/core";
import { uniformFrom } from "@amari/testing";
import { afterAll, describe, expect, it } from "vitest";
import { backendOrNull } from "./support.ts";

const backend = await backendOrNull("rows that a workgroup shares", { rows: "shared" });

afterAll(() => backend?.close());

function numbers(...shape: number[]): Tensor {
  const uniform = uniformFrom(1);
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(Float32Array.from({ length: size }, () => 2 * uniform() - 1)).reshape(shape) as Tensor;
}

const softmax = (x: Tensor): Tensor => x.softmax(-1) as Tensor;

function normalise(x: Tensor): Tensor {
  const centred = x.sub(x.mean(-1, { keepDims: true }));
  return centred.div(centred.square().mean(-1, { keepDims: true }).add(1e-5).sqrt()) as Tensor;
}

/** Runs a function, compares it with the reference, and returns its shaders. */
async function shadersOf(f: (x: Tensor) => Tensor, ...shape: number[]): Promise<string> {
  setDefaultBackend(referenceBackend());
  const expected = (await f(numbers(...shape)).data()) as Float32Array;
  setDefaultBackend(backend!);
  const operand = numbers(...shape).realise() as Tensor;
  const result = (await jit(f)(operand).data()) as Float32Array;
  const furthest = expected.reduce((most, y, i) => Math.max(most, Math.abs(y - result[i]!)), 0);
  expect(furthest).toBeLessThan(1e-5);
  // The program that has just run.
  return backend!.explain(backend!.compile((backend as unknown as { readonly latest: never }).latest));
}

const count = (text: string, what: RegExp): number => text.match(what)?.length ?? 0;
const reads = /= heap\[/g;
const writes = /heap\[.*\] =/g;
const shuffles = /subgroupShuffleXor/g;

describe.skipIf(backend === null)("a row that a workgroup shares", () => {
  it("is read once and written once, by quads: softmax and normalisation", async () => {
    for (const f of [softmax, normalise]) {
      // 64 invocations with four quads each.
      const text = await shadersOf(f, 6, 1024);
      expect([count(text, reads), count(text, writes)]).toEqual([4, 4]);
      expect(text).toContain("array<vec4<u32>>");
    }
  });

  it("is read once too where it does not end with a quad, or has few elements", async () => {
    expect(count(await shadersOf(softmax, 3, 1030), writes)).toBe(12);
    const text = await shadersOf(softmax, 37, 36);
    expect([count(text, reads), count(text, writes)]).toEqual([3, 3]);
  });

  it("is one of several in a workgroup where it is short, with no barrier if a subgroup suffices", async () => {
    const text = await shadersOf((x) => x.sum(-1) as Tensor, 70, 64);
    expect(text).toContain("@workgroup_size(64)");
    expect(text).toContain("shader 0: 5 x 1 workgroups");
    if (count(text, shuffles) > 0) expect(text).not.toContain("Barrier");
  });

  it("is swept by loops where an invocation cannot hold its share", async () => {
    const text = await shadersOf(normalise, 256, 8200);
    expect(text).toContain("e += 1024");
  });

  it("leaves in memory what another kernel reads, and its own shaders where it is cut", async () => {
    const f = (x: Tensor) => {
      const raised = x.slice(null, [0, 300]).exp();
      const total = raised.sum(-1, { keepDims: true }).add(x.square().sum(-1, { keepDims: true }));
      return raised.div(total).mul(1000) as Tensor;
    };
    await shadersOf(f, 2, 20_000);
    await shadersOf(f, 400, 1000);
    await shadersOf(
      (x) =>
        x
          .sub(x.max(-1, { keepDims: true }))
          .exp()
          .cumsum(0) as Tensor,
      3,
      128,
    );
  });

  it("may be read by index after its fold", async () => {
    const f = (x: Tensor) => x.logSoftmax(-1).take(tensor([3], { dtype: "int32" }), 1) as Tensor;
    await shadersOf(f, 5, 128);
  });
});
