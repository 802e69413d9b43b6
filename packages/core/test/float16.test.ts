import { referenceBackend } from "@amari/backend-reference";
import {
  conv,
  grad,
  jit,
  linspace,
  ones,
  random,
  scan,
  setDefaultBackend,
  type Tensor,
  tensor,
  valueAndGrad,
} from "@amari/core";
import { float16Bits, float16FromBits, roundToFloat16 } from "@amari/core/backend";
import { fc, test } from "@fast-check/vitest";
import { describe, expect, it } from "vitest";

setDefaultBackend(referenceBackend());

const f16 = (data: readonly number[]): Tensor => tensor(data, { dtype: "float16" }) as Tensor;
const list = (x: Tensor): number[] => Array.from(x.dataSync());

/** The finite float16 from 0 on, in order: their bits count up. */
const finite = Array.from({ length: 0x7c00 }, (_, bits) => float16FromBits(bits));

describe("the numbers of float16", () => {
  it("are those of IEEE 754's binary16", () => {
    const known = { 1: 2 ** -24, 1023: 1023 * 2 ** -24, 1024: 2 ** -14, 15360: 1, 15361: 1 + 2 ** -10 };
    for (const [bits, number] of Object.entries(known)) expect(float16FromBits(Number(bits))).toBe(number);
    expect(float16FromBits(0x7bff)).toBe(65504);
    expect(float16FromBits(0xc000)).toBe(-2);
    expect(float16FromBits(0x7c00)).toBe(Infinity);
    expect(float16FromBits(0xfc00)).toBe(-Infinity);
    expect(float16FromBits(0x7e00)).toBeNaN();
    expect(finite.every((x, i) => i === 0 || x > finite[i - 1]!)).toBe(true);
  });

  it("have bits that give them back", () => {
    for (let bits = 0; bits < 2 ** 16; bits++) {
      const x = float16FromBits(bits);
      if (!Number.isNaN(x)) expect(float16Bits(x)).toBe(bits);
    }
    expect(float16Bits(Number.NaN)).toBe(0x7e00);
  });

  it("are rounded to from half way between them to the even one, and from nearer to the nearer one", () => {
    for (const sign of [1, -1]) {
      finite.forEach((x, bits) => {
        const above = finite[bits + 1] ?? 65536;
        const middle = (x + above) / 2;
        const next = above === 65536 ? Infinity : above;
        expect(roundToFloat16(sign * x)).toBe(sign * x);
        expect(roundToFloat16(sign * middle)).toBe(sign * (bits % 2 === 0 ? x : next));
        expect(roundToFloat16(sign * middle * (1 + 2 ** -50))).toBe(sign * next);
        expect(roundToFloat16(sign * middle * (1 - 2 ** -50))).toBe(sign * x);
      });
    }
  });
});

describe("tensors of float16", () => {
  it("take rounded numbers and give them as a Float32Array", async () => {
    const x = f16([0.1, 1 / 3, 65519, 65520, 1e-8, -0]);
    const data = await x.data();
    expect(data).toBeInstanceOf(Float32Array);
    expect([...data]).toEqual([0.0999755859375, 0.333251953125, 65504, Infinity, 0, -0]);
    expect(x.add(0.1).dtype).toBe("float16");
    expect(x.toString()).toMatch(/^Tensor\(float16\[6\], \[0.0999755859375,/);
  });

  it("take 2 bytes an element on a backend", () => {
    const backend = referenceBackend();
    const sizes: number[] = [];
    const alloc = backend.alloc.bind(backend);
    backend.alloc = (bytes) => {
      sizes.push(bytes);
      return alloc(bytes);
    };
    setDefaultBackend(backend);
    expect(list(f16([1, 2, 3]).mul(2))).toEqual([2, 4, 6]);
    setDefaultBackend(referenceBackend());
    expect(sizes).toEqual([6, 6]);
  });

  it("round after each operation", () => {
    // 2048 + 1 is half way to the next float16, so that the sum is 2048 again.
    const x = f16([2048]);
    expect(list(x.add(1).add(1))).toEqual([2048]);
    expect(list((jit((y: Tensor) => y.add(1).add(1) as Tensor) as (y: Tensor) => Tensor)(x))).toEqual([2048]);
    expect(list(x.astype("float32").add(1).add(1))).toEqual([2050]);
    expect(list(f16([300]).square())).toEqual([Infinity]);
  });

  it("add up in a wider float and round at the end", () => {
    const many = ones([3000], { dtype: "float16" }) as Tensor;
    expect(list(many.sum() as Tensor)).toEqual([3000]);
    expect(list(many.reshape([1, 3000]).matmul(many.reshape([3000, 1])) as Tensor)).toEqual([3000]);
    expect(list((many.mul(60) as Tensor).mean() as Tensor)).toEqual([Infinity]);
    expect(list(many.cumsum() as Tensor).at(-1)).toBe(3000);
    const image = many.reshape([1, 3000, 1, 1]) as Tensor;
    expect(list(conv(image, image) as Tensor)).toEqual([3000]);
  });

  it("are promoted as JAX does: above integers, below float32", () => {
    const half = f16([1.5]);
    expect(half.add(tensor([1], { dtype: "int32" })).dtype).toBe("float16");
    expect(half.add(tensor([1])).dtype).toBe("float32");
    expect(half.add(tensor([1], { dtype: "float64" })).dtype).toBe("float64");
  });

  it("convert exactly to wider floats, and are rounded once from all of them", () => {
    const x = f16([1.5, -65504, 2 ** -24, Infinity]);
    for (const dtype of ["float32", "float64"] as const)
      expect(list(x.astype(dtype).astype("float16"))).toEqual([1.5, -65504, 2 ** -24, Infinity]);
    // By way of float32 it would be half way, and so 1.
    const above = 1 + 2 ** -11 + 2 ** -40;
    expect(list(tensor([above], { dtype: "float64" }).astype("float16"))).toEqual([1 + 2 ** -10]);
    expect(list(f16([2.7, -2.7]).astype("int32"))).toEqual([2, -2]);
    expect(list(tensor([70000, 2049], { dtype: "int32" }).astype("float16"))).toEqual([Infinity, 2048]);
  });

  it("come out of linspace, scan and gather rounded", () => {
    expect(list(linspace(0, 1, 4, { dtype: "float16" }))).toEqual([0, 1 / 3, 2 / 3, 1].map(roundToFloat16));
    const [last, sums] = scan(
      (carry: Tensor, x: Tensor) => [carry.add(x) as Tensor, carry.add(x) as Tensor],
      f16([0]).reshape([]) as Tensor,
      f16([2048, 1, 1]),
    );
    expect([list(last), list(sums)]).toEqual([[2048], [2048, 2048, 2048]]);
    expect(list(f16([0.1, 0.2]).take(tensor([1, 5], { dtype: "int32" })) as Tensor)).toEqual([
      roundToFloat16(0.2),
      Number.NaN,
    ]);
  });
});

describe("random numbers in float16", () => {
  test.prop([fc.nat()])("are the upper 10 bits of the lower half of a word", (seed) => {
    const key = random.key(seed);
    const words = list(random.bits(key, [20]));
    const expected = words.map((word) => ((word & 0xffff) >>> 6) / 1024);
    expect(list(random.uniform(key, [20], { dtype: "float16" }))).toEqual(expected);
  });

  it("are finite where they are normal, and below 1 where they are uniform", () => {
    const normal = list(random.normal(random.key(1), [20_000], { dtype: "float16" }));
    expect(normal.every(Number.isFinite)).toBe(true);
    const mean = normal.reduce((a, b) => a + b) / normal.length;
    const variance = normal.reduce((sum, x) => sum + x * x, 0) / normal.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
    expect(Math.max(...list(random.uniform(random.key(2), [20_000], { dtype: "float16" })))).toBeLessThan(1);
  });
});

describe("mixed precision", () => {
  /** A loss in float16 on weights that are kept in float32. */
  const loss = (w: Tensor, x: Tensor, scale: number): Tensor =>
    x.matmul(w.astype("float16")).tanh().sub(1).square().mean().mul(scale) as Tensor;

  it("gives gradients in the dtype of the master weights", () => {
    const w = tensor([[0.5], [-0.25]]) as Tensor;
    const x = f16([1, 2, 3, 4]).reshape([2, 2]) as Tensor;
    const gradient = grad(loss as (w: Tensor, x: Tensor, scale: number) => Tensor<[]>)(w, x, 1);
    expect([gradient.dtype, gradient.shape]).toEqual(["float32", [2, 1]]);
    const exact = grad(
      (v: Tensor) =>
        (x.astype("float64") as Tensor).matmul(v).tanh().sub(1).square().mean() as Tensor as Tensor<[]>,
    )(w.astype("float64") as Tensor);
    list(gradient).forEach((g, i) => {
      expect(Math.abs(g - list(exact)[i]!)).toBeLessThan(4e-3 * Math.abs(list(exact)[i]!));
    });
  });

  it("needs a scale of the loss where gradients are below the smallest float16", () => {
    const w = tensor([1]) as Tensor;
    const tiny = (v: Tensor, scale: number): Tensor<[]> => {
      const y = v.astype("float16").mul(2 ** -14) as Tensor;
      return y.mul(y).sum().mul(scale) as Tensor as Tensor<[]>;
    };
    expect(list(grad(tiny)(w, 1))).toEqual([0]);
    const scale = 2 ** 12;
    const [, scaled] = valueAndGrad(tiny)(w, scale);
    expect(list(scaled.div(scale))).toEqual([2 * 2 ** -28]);
  });
});
