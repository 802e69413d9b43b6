import { AmariError, setDefaultBackend, type Tensor, tensor } from "@amari/core";
import { type Check, conformanceChecks } from "@amari/testing";
import { describe, expect, it } from "vitest";
import { productVariantNames, productVariants } from "../src/emit/dot/variants.ts";
import { findRaces } from "./races/find-races.ts";
import { type PaperTraits, paperBackend } from "./races/paper-device.ts";

/** One check in so many is asked for its shaders. */
const every = Number(process.env.EVERY ?? 20);

/** Kernels in which a workgroup shares its memory several times over; at one size, they are always asked for. */
const sharesOften = ({ operation, what }: Check): boolean =>
  /^(softmax|square product)$/.test(operation) && /^size (127|1021)\b/.test(what);

/** The shaders in which a workgroup shares memory, of a sample of what the conformance suite asks for. */
async function sharingShaders({ traits, only }: Device, first: number): Promise<readonly string[]> {
  const texts = new Set<string>();
  const backend = paperBackend((text) => {
    if (text.includes("<workgroup>")) texts.add(text);
  }, traits);
  setDefaultBackend(backend);
  let number = 0;
  for (const check of conformanceChecks(backend, { floats: ["float32"], programs: 20, only })) {
    if (number++ % every !== first % every && !sharesOften(check)) continue;
    try {
      const operands = check.inputs.map(({ values, ...type }) => tensor(values, type) as Tensor);
      for (const x of check.f(...operands)) x.realise();
    } catch (error) {
      // What the backend declines has no shaders.
      if (!(error instanceof AmariError)) throw error;
    }
    await backend.flush();
  }
  return [...texts];
}

const isBarrier = (line: string): boolean => line.includes("Barrier();");

/** The shaders that lack one of the barriers, by what stands before it. */
function* withoutOne(text: string): Generator<readonly [before: string, text: string]> {
  const lines = text.split("\n");
  for (const [at, line] of lines.entries()) {
    if (!isBarrier(line)) continue;
    const before = lines.slice(0, at).findLast((other) => /\w/.test(other) && !isBarrier(other))!;
    const shape = before.replace(/ =.*/, "").replace(/\d+/g, "0").trim();
    yield [shape, lines.filter((_, i) => i !== at).join("\n")];
  }
}

interface Device {
  readonly traits: PaperTraits;
  readonly only: (operation: string) => boolean;
}

const devices: readonly Device[] = [
  ...[1, 4, 32].map((subgroup) => ({ traits: { subgroup }, only: () => true })),
  ...productVariantNames
    .filter((product) => productVariants[product].depth > 0)
    .map((product) => ({ traits: { product }, only: (name: string) => /product|matmul|einsum/.test(name) })),
];

describe("invocations of a workgroup meet in memory only across barriers", { timeout: 60_000 }, () => {
  const texts = new Set<string>();

  it.each(devices.map((device, i) => ({ ...device, i })))(
    "on a device with $traits",
    async ({ i, ...device }) => {
      const found = await sharingShaders(device, i);
      expect(found.length).toBeGreaterThan(0);
      for (const text of found) {
        texts.add(text);
        expect(findRaces(text), text).toEqual([]);
      }
    },
  );

  it("and each barrier is needed: where one is left out, that is found", () => {
    const races = new Map<string, readonly string[]>();
    for (const text of texts) {
      for (const [before, wrong] of withoutOne(text))
        if ((races.get(before) ?? []).length === 0) races.set(before, findRaces(wrong));
    }
    expect(races.size).toBeGreaterThan(3);
    for (const [before, found] of races) expect(found, `without the barrier after ${before}`).not.toEqual([]);
  });
});

describe("what is found", () => {
  const shader = (...lines: string[]): string =>
    [
      "@group(0) @binding(0) var<storage, read_write> heap: array<u32>;",
      "@group(0) @binding(1) var<uniform> table: array<vec4<u32>, 2>;",
      "var<workgroup> shared_: array<u32, 64>;",
      "@compute @workgroup_size(64)",
      "fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {",
      "let b0 = i32(table[1].x);",
      ...lines,
      "}",
    ].join("\n");

  it("a word that one invocation writes and another reads", () => {
    const [write, read] = ["shared_[lane] = 1u;", "let x = shared_[63u - lane];"];
    expect(findRaces(shader(write, read))).toContain(
      `two invocations meet in shared_ without a barrier between them: ${read}`,
    );
    expect(findRaces(shader(write, "workgroupBarrier();", read))).toEqual([]);
    expect(findRaces(shader(write, "storageBarrier();", read))).not.toEqual([]);
  });

  it("a word that is written again before all have read it", () => {
    const read = ["shared_[lane] = 1u;", "workgroupBarrier();", "let x = shared_[0];"];
    expect(findRaces(shader(...read, "shared_[lane] = 2u;"))).not.toEqual([]);
    expect(findRaces(shader(...read, "workgroupBarrier();", "shared_[lane] = 2u;"))).toEqual([]);
  });

  it("a place of the heap", () => {
    const [write, read] = ["heap[b0 + i32(lane)] = 1u;", "let x = heap[b0 + 63 - i32(lane)];"];
    expect(findRaces(shader(write, read))).not.toEqual([]);
    expect(findRaces(shader(write, "workgroupBarrier();", read))).not.toEqual([]);
    expect(findRaces(shader(write, "storageBarrier();", read))).toEqual([]);
  });

  it("a barrier that only some invocations reach", () => {
    expect(findRaces(shader("if (lane < 32u) { return; }", "workgroupBarrier();"))).not.toEqual([]);
    expect(findRaces(shader("if (lane < 32u) {", "workgroupBarrier();", "}"))).not.toEqual([]);
    expect(findRaces(shader("if (heap[b0] == 0u) {", "workgroupBarrier();", "}"))).not.toEqual([]);
    expect(findRaces(shader("if (group.x > 5u) { return; }", "workgroupBarrier();"))).toEqual([]);
  });

  it("what is written on one side of a condition on data, or in a loop", () => {
    const sides = "if (heap[b0] == 0u) { shared_[0] = 1u; } else { let x = 1; }";
    expect(findRaces(shader(sides))).not.toEqual([]);
    const loop = [
      "for (var i = 32u; i > 0u; i >>= 1u) {",
      "if (lane < i) { shared_[lane] = shared_[lane + i]; }",
    ];
    expect(findRaces(shader(...loop, "}"))).not.toEqual([]);
    expect(findRaces(shader(...loop, "workgroupBarrier();", "}"))).toEqual([]);
  });
});
