import { canonicalise } from "../compile/canonicalise/canonicalise.ts";
import { type Cost, costOf, printCost } from "../compile/cost.ts";
import { fuse } from "../compile/fuse.ts";
import { type MemoryPlan, planMemory } from "../compile/memory-plan.ts";
import { printMemoryPlan } from "../compile/print/memory-plan.ts";
import { printProgram } from "../compile/print/program.ts";
import { printSchedule } from "../compile/print/schedule.ts";
import type { Program } from "../compile/program.ts";
import type { Schedule } from "../compile/schedule.ts";
import { ArgumentError } from "../errors/errors.ts";
import { type Backend, getDefaultBackend } from "../runtime/backend.ts";
import { prepare } from "../runtime/realise.ts";
import { flatten } from "../tree.ts";
import { traceFunction } from "./jit.ts";
import { checkFunction } from "./scope.ts";

/** What becomes of a function, step by step; as text where it is printed. */
export class Explanation {
  /** The function's graph as it was traced. */
  readonly program: Program;
  /** The same with common sub-expressions, identities and dead steps gone. */
  readonly canonical: Program;
  /** The kernels, contractions and routines that run, and the buffers between them. */
  readonly schedule: Schedule;
  /** Where the buffers stand that live inside the program only. */
  readonly plan: MemoryPlan;
  readonly cost: Cost;
  /** The code that the backend made of it, where the backend shows any. */
  readonly code: string | null;

  constructor(program: Program, code: string | null) {
    this.program = program;
    this.canonical = canonicalise(program);
    this.schedule = fuse(this.canonical);
    this.plan = planMemory(this.schedule, this.canonical.donated);
    this.cost = costOf(this.schedule);
    this.code = code;
  }

  /** All of it as text. */
  toString(): string {
    const sections = [
      ["graph", printProgram(this.program)],
      ["canonical graph", printProgram(this.canonical)],
      ["schedule", printSchedule(this.schedule)],
      ["memory plan", printMemoryPlan(this.plan, this.schedule)],
      ...(this.code === null ? [] : [["code", this.code]]),
      ["cost", printCost(this.cost)],
    ];
    return sections.map(([title, text]) => `== ${title} ==\n${text}\n`).join("\n");
  }
}

// What `console.log` shows in Node.
Object.defineProperty(Explanation.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: Explanation): string {
    return this.toString();
  },
});

/** Options of {@link explain}. */
export interface ExplainOptions {
  /** The backend whose code is shown. Default: the default backend. */
  readonly backend?: Backend;
}

/**
 * Shows what becomes of a function: its graph, the canonical graph, the fused kernels, the memory plan, the code that the
 * backend makes of them, and what running it costs. The function is traced like one under `jit`, and not run; a jitted
 * function is explained as what is in it.
 *
 * @example console.log(explain((x: Tensor) => x.softmax())(zeros([32, 10])));
 * @throws PlaceholderError where the function reads a value
 * @throws ArgumentError where it is async, or closes over the argument of another transformation
 */
export const explain =
  <A extends readonly unknown[]>(f: (...args: A) => unknown, options: ExplainOptions = {}) =>
  (...args: A): Explanation => {
    checkFunction(f, "explain");
    const { program } = traceFunction(f as never, args, [], flatten(args), "explain");
    if (program === null) {
      throw new ArgumentError(
        "explain: the function closes over an argument of a transformation that is still running; " +
          "call explain outside, on the whole function",
      );
    }
    const { backend = getDefaultBackend() } = options;
    return new Explanation(program.program, backend.explain?.(prepare(backend, program)) ?? null);
  };
