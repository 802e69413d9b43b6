import { referenceBackend } from "@amari/backend-reference";
import {
  type Case,
  type Definition,
  operations,
  setDefaultBackend,
  stopGradient,
  type Tensor,
} from "@amari/core";
import { lawsOf } from "@amari/testing";
import { describe, expect, it } from "vitest";

setDefaultBackend(referenceBackend());

const definitionOf = (name: string): Definition => operations.get(name)!;

/** A row of the table with other rules or cases: an operation with a planted mistake. */
const mutant = (name: string, change: Partial<Definition>): Definition => ({
  ...definitionOf(name),
  ...change,
});

/** The same row with another function called on the operands. */
const calling = (name: string, call: (x: Tensor, ...rest: Tensor[]) => Tensor): Definition =>
  mutant(name, {
    cases: definitionOf(name).cases.map((c) => ({ ...c, call: call as Case["call"] })),
  });

/** The names of the laws that an operation breaks. */
const broken = (operation: Definition): string[] =>
  lawsOf(operation)
    .filter((law) => {
      try {
        law.check(operation, { numRuns: 3, seed: 1 });
        return false;
      } catch {
        return true;
      }
    })
    .map(({ name }) => name);

/** The value of `value` with the derivative of `slope`. */
const withSlopeOf = (value: Tensor, slope: Tensor): Tensor =>
  slope.add(stopGradient(value.sub(slope))) as Tensor;

describe("the generated laws", () => {
  it.each(["tanh", "matmul", "sum", "where", "eq", "stopGradient", "take", "eigh"])("hold for %s", (name) => {
    expect(broken(definitionOf(name))).toEqual([]);
  });

  it("give a differentiable elementwise operation all but the law of constants", () => {
    expect(lawsOf(definitionOf("tanh")).map(({ name }) => name)).toEqual([
      "its row in the table is complete",
      "results have the types that were announced",
      "jvp equals finite differences",
      "vjp is the adjoint of jvp",
      "second derivatives agree likewise",
      "vmap equals stacking",
      "vmap over an empty batch gives an empty batch",
      "NaN and infinity in one example leave the others alone",
      "jit equals eager, bit for bit",
      "float32 agrees with float64 within its ulp",
      "float16 agrees with float64 within its ulp",
      "cotangents have the types of the operands",
      "NaN, infinity and -0 give the scalar definition's answer",
      "a NaN in the derivative stays in its place",
      "shapes without elements give results without elements",
    ]);
  });

  it("ask zero gradients of what leaves the reals", () => {
    const names = lawsOf(definitionOf("argmax")).map(({ name }) => name);
    expect(names).toContain("its gradient is zero and no error");
    expect(names).not.toContain("jvp equals finite differences");
  });
});

describe("a planted mistake breaks the law about it", () => {
  const mistakes: [mistake: string, operation: Definition, law: string][] = [
    ["no cases", mutant("tanh", { cases: [] }), "its row in the table is complete"],
    [
      "no jvp rule",
      mutant("tanh", {
        primitive: { ...definitionOf("tanh").primitive!, jvp: { notDifferentiable: "forgotten" } },
      }),
      "its row in the table is complete",
    ],
    [
      "a wrong derivative",
      calling("sin", (x) => withSlopeOf(x.sin(), x.sin().mul(1.001))),
      "jvp equals finite differences",
    ],
    [
      "a derivative that is wrong for one sign only",
      calling("abs", (x) => withSlopeOf(x.abs(), x.maximum(0))),
      "jvp equals finite differences",
    ],
    [
      "a second derivative that is wrong",
      calling("square", (x) => x.mul(stopGradient(x)).mul(2).sub(stopGradient(x.square())) as Tensor),
      "second derivatives agree likewise",
    ],
    [
      "a gradient where there should be none",
      mutant("sin", { notDifferentiable: "it is declared a constant" }),
      "its gradient is zero and no error",
    ],
    [
      "another value under vmap",
      calling(
        "exp",
        (x) => (x.node.placeholderScope()?.label === "vmap" ? x.exp().add(1) : x.exp()) as Tensor,
      ),
      "vmap equals stacking",
    ],
    [
      "another value under jit",
      calling(
        "exp",
        (x) =>
          (x.node.placeholderScope()?.label.startsWith("jit")
            ? x.exp().mul(1 + 2 ** -52)
            : x.exp()) as Tensor,
      ),
      "jit equals eager, bit for bit",
    ],
    [
      "less precision in float32 than is stated",
      calling("exp", (x) => (x.dtype === "float32" ? x.exp().mul(1 + 2 ** -20) : x.exp()) as Tensor),
      "float32 agrees with float64 within its ulp",
    ],
    [
      "less precision in float16 than is stated",
      calling("exp", (x) => (x.dtype === "float16" ? x.exp().mul(1 + 2 ** -8) : x.exp()) as Tensor),
      "float16 agrees with float64 within its ulp",
    ],
    [
      "another operation than the row's",
      calling("sin", (x) => x.cos() as Tensor),
      "NaN, infinity and -0 give the scalar definition's answer",
    ],
  ];
  it.each(mistakes)("%s", (_, operation, law) => {
    expect(broken(operation)).toContain(law);
  });

  it("and the error names the operation, the case and what differs", () => {
    const wrong = calling("sin", (x) => withSlopeOf(x.sin(), x.sin().mul(2)));
    const law = lawsOf(wrong).find(({ name }) => name.startsWith("jvp"))!;
    let message = "";
    try {
      law.check(wrong, { numRuns: 1, seed: 3 });
    } catch (error) {
      message = `${(error as Error).message} ${((error as Error).cause as Error | undefined)?.message}`;
    }
    expect(message).toMatch(
      /seed: 3[\s\S]*sin, case 0 on \[5\].*the jvp of element .* finite differences give/,
    );
  });
});
