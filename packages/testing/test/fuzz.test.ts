import { ReferenceBackend, referenceBackend } from "@amari/backend-reference";
import * as amari from "@amari/core";
import type { Backend, Kernel, Program, Step } from "@amari/core/backend";
import * as testing from "@amari/testing";
import { evaluate, fuzz, printProgram, randomPrograms } from "@amari/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

amari.setDefaultBackend(referenceBackend());

/** The reference backend with a mistake: one operation does something else. */
function mistaken(operation: string, wrong: (step: Step, program: Program) => Kernel): Backend {
  class Mistaken extends ReferenceBackend {
    override readonly name = `mistaken ${operation}`;

    override compile(program: Program) {
      const steps = program.steps.map((step) =>
        step.operation.name === operation
          ? { ...step, operation: { name: operation, kernel: wrong(step, program) } }
          : step,
      );
      return super.compile({ ...program, steps });
    }
  }
  return new Mistaken();
}

type KernelOf<K extends Kernel["kind"]> = Extract<Kernel, { kind: K }>;
const kernelOf = <K extends Kernel["kind"]>(step: Step, _kind: K) => step.operation.kernel as KernelOf<K>;
const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

const find = (backend: Backend, options = {}) =>
  fuzz(backend, { reference: referenceBackend(), count: 400, seed: 1, maxCalls: 10, ...options });

const callsIn = (message: string): number => message.match(/^ {2}const v\d+ = /gm)?.length ?? 0;

describe("the fuzzer catches, and shows in a few calls,", { timeout: 120_000 }, () => {
  it("a slice that begins one element late", () => {
    const backend = mistaken("slice", (step) => {
      const { view } = kernelOf(step, "view");
      return {
        kind: "view",
        view: (...args) => {
          const window = view(...args);
          return window && { ...window, offset: window.offset + (sizeOf(window.shape) > 1 ? 1 : 0) };
        },
      };
    });
    const { failure } = find(backend);
    expect(failure?.message).toMatch(/differs from the reference/);
    expect(callsIn(failure!.message)).toBeLessThanOrEqual(2);
  });

  it("an elementwise operation that leaves out the last element behind the vectors", () => {
    const backend = mistaken("tanh", (step) => {
      const kernel = kernelOf(step, "elementwise");
      const size = sizeOf(step.outputs[0]!.shape);
      return {
        kind: "elementwise",
        scalar: (...args) => {
          const f = kernel.scalar(...args);
          let calls = 0;
          return (x) => (++calls % size === 0 && size % 4 === 3 ? 0 : f(x));
        },
      };
    });
    const { failure } = find(backend);
    expect(failure?.message).toMatch(/differs from the reference in 1 of \d+ elements/);
    expect(callsIn(failure!.message)).toBeLessThanOrEqual(3);
  });

  it("a sum without its last element where 3 remain behind the vectors", () => {
    const backend = mistaken("sum", (step, program) => {
      const { axes } = step.attributes as { readonly axes: readonly number[] };
      const { shape } = program.slots[step.inputs[0]!]!;
      return {
        kind: "routine",
        run: ([x], _, [output]) => {
          x!.data.forEach((value, place) => {
            const index = indexOf(place, shape);
            const isLast = axes.every((axis) => index[axis] === shape[axis]! - 1);
            const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
            const at = kept.reduce((flat, axis) => flat * shape[axis]! + index[axis]!, 0);
            if (!(isLast && shape[axes.at(-1)!]! % 4 === 3)) output!.data[at]! += value;
          });
        },
      };
    });
    const { failure } = find(backend);
    expect(failure?.message).toMatch(/differs from the reference/);
    expect(callsIn(failure!.message)).toBeLessThanOrEqual(3);
  });

  it("an exponential that is wrong by 40 units in the last place", () => {
    const backend = mistaken("exp", (step) => {
      const kernel = kernelOf(step, "elementwise");
      return {
        kind: "elementwise",
        scalar: (...args) => {
          const f = kernel.scalar(...args);
          return (x) => f(x) * (1 + 40 * testing.epsilonOf(step.outputs[0]!.dtype));
        },
      };
    });
    expect(find(backend).failure?.message).toMatch(/differs from the reference/);
  });

  it("bits that depend on what else is in the program", () => {
    const backend = mistaken("mul", (step, program) => {
      const kernel = kernelOf(step, "elementwise");
      return {
        kind: "elementwise",
        scalar: (...args) => {
          const f = kernel.scalar(...args);
          const isFused = program.steps.length > 4 && step.outputs[0]!.dtype === "float32";
          return isFused ? (x, y) => f(x, y) * (1 + 2 ** -23) : f;
        },
      };
    });
    const message = find(backend).failure?.message;
    expect(message).toMatch(/gives other bits|differs from the reference/);
  });
});

const indexOf = (place: number, shape: readonly number[]): number[] =>
  shape
    .toReversed()
    .map((n) => {
      const index = place % n;
      place = Math.floor(place / n);
      return index;
    })
    .reverse();

describe("random programs", () => {
  it("agree with themselves on the reference", () => {
    const { failure, programs } = find(referenceBackend(), { count: 60 });
    expect(failure).toBeNull();
    expect(programs).toBe(60);
  });

  it("are the same for the same seed", () => {
    const sample = () =>
      fc.sample(randomPrograms(), { seed: 5, numRuns: 3 }).map((program) => printProgram(program));
    expect(sample()).toEqual(sample());
  });

  it("print as code that computes what they compute", async () => {
    for (const program of fc.sample(randomPrograms(), { seed: 6, numRuns: 30 })) {
      const printed: unknown[] = [];
      const code = printProgram(program)
        .replace(/^import \{ (.*) \} from "(.*)";$/gm, (_, names: string, from: string) => {
          const values = names.split(", ").filter((name) => !name.startsWith("type "));
          return `const { ${values.join(", ")} } = ${from === "amari" ? "amari" : "testing"};`;
        })
        .replace(/: Tensor(\[\])?/g, "")
        .replace("for (const output of", "for (const output of");
      const AsyncFunction = (async () => {}).constructor as typeof Function;
      const log = (...line: unknown[]) => printed.push(line);
      await new AsyncFunction("amari", "testing", "console", code)(amari, testing, { log });
      const inputs = program.inputs.map(
        ({ values, shape, dtype }) => amari.tensor(values, { shape, dtype }) as amari.Tensor,
      );
      const expected = evaluate(program, inputs).map((x) => [x.dtype, x.shape, x.dataSync()]);
      expect(printed).toEqual(expected);
    }
  });
});
