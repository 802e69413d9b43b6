import { canonicalise } from "../compile/canonicalise/canonicalise.ts";
import { costOfStage, showAmount } from "../compile/cost.ts";
import { stageName } from "../compile/print/stage-name.ts";
import { type Column, printTable } from "../compile/print/table.ts";
import type { Program } from "../compile/program.ts";
import type { Schedule, Stage } from "../compile/schedule.ts";
import { ArgumentError, BackendError } from "../errors/errors.ts";
import { multiply } from "../ops/contraction.ts";
import { zeros } from "../ops/creation.ts";
import { type Backend, type Block, bytesOn } from "../runtime/backend.ts";
import { commonBackend } from "../runtime/realise.ts";
import { Storage } from "../runtime/storage.ts";
import type { Tensor } from "../tensor.ts";
import { flatten } from "../tree.ts";
import { traceFunction } from "./jit.ts";
import { checkFunction, storeArguments } from "./scope.ts";

/** What a backend reached in a large product and in a large copy, measured like the profile itself. */
export interface Roofline {
  /** Floating-point operations in a second. */
  readonly operations: number;
  /** Bytes read and written in a second. */
  readonly bytes: number;
}

/** One kernel, contraction, routine or loop of a profile. */
export interface ProfiledStage {
  readonly name: string;
  readonly kind: Stage["kind"];
  /** The shortest of the rounds. */
  readonly milliseconds: number;
  /** Of the buffers that it reads and writes. */
  readonly bytes: number;
  /** Scalar instructions, and two for each product. */
  readonly operations: number;
  /**
   * How much of its time it could not have been without: by its bytes or by its operations, whichever takes longer at
   * the {@link Roofline}. More than 1 where it works on caches that are faster than the memory of the roofline.
   */
  readonly roofline: number;
}

/** Where the time of a function goes; a table where it is printed. */
export class Profile {
  readonly backend: string;
  /** In the order in which they run. */
  readonly stages: readonly ProfiledStage[];
  readonly roofline: Roofline;
  /** How often the function was run. */
  readonly rounds: number;
  /** The sum over the stages. */
  readonly milliseconds: number;

  constructor(backend: string, stages: readonly ProfiledStage[], roofline: Roofline, rounds: number) {
    this.backend = backend;
    this.stages = stages;
    this.roofline = roofline;
    this.rounds = rounds;
    this.milliseconds = stages.reduce((sum, stage) => sum + stage.milliseconds, 0);
  }

  /** The stages that take longest, with the others in one line. */
  toString(): string {
    const bySlowness = this.stages.toSorted((a, b) => b.milliseconds - a.milliseconds);
    const [shown, others] = [bySlowness.slice(0, rowsShown), bySlowness.slice(rowsShown)];
    const rest = others.reduce((sum, stage) => sum + stage.milliseconds, 0);
    const rows = [
      ...shown.map((stage) => this.row(stage)),
      ...(others.length === 0 ? [] : [[`${others.length} more`, ...this.showTime(rest), "", "", "", "", ""]]),
    ];
    const { operations, bytes } = this.roofline;
    return [
      `${this.stages.length} stages on the backend ${this.backend}: ${milliseconds(this.milliseconds)} ms, the best of ${this.rounds} rounds each`,
      `roofline: ${showAmount(operations)}FLOP/s in a product, ${showAmount(bytes)}B/s in a copy`,
      "",
      printTable(columns, rows),
    ].join("\n");
  }

  private row({ name, bytes, operations, roofline, ...stage }: ProfiledStage): string[] {
    const perSecond = (amount: number) =>
      stage.milliseconds === 0 || amount === 0 ? "" : showAmount((1000 * amount) / stage.milliseconds);
    return [
      name,
      ...this.showTime(stage.milliseconds),
      showAmount(bytes),
      showAmount(operations),
      perSecond(bytes),
      perSecond(operations),
      stage.milliseconds === 0 ? "" : `${Math.round(100 * roofline)}%`,
    ];
  }

  private showTime(time: number): [string, string] {
    return [milliseconds(time), `${((100 * time) / (this.milliseconds || 1)).toFixed(1)}%`];
  }
}

// What `console.log` shows in Node.
Object.defineProperty(Profile.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: Profile): string {
    return this.toString();
  },
});

const rowsShown = 24;

const columns: readonly Column[] = [
  { title: "stage", align: "left" },
  { title: "ms", align: "right" },
  { title: "share", align: "right" },
  { title: "B", align: "right" },
  { title: "FLOP", align: "right" },
  { title: "B/s", align: "right" },
  { title: "FLOP/s", align: "right" },
  { title: "roofline", align: "right" },
];

const milliseconds = (time: number): string => time.toPrecision(3);

/** Options of {@link profile}. */
export interface ProfileOptions {
  /** Default: the backend of the arguments, else the default backend. */
  readonly backend?: Backend;
  /** How often the function is run; the shortest time of each stage counts. Default 10. */
  readonly rounds?: number;
}

/**
 * Runs a function several times, one stage after the other, and says how long each of its kernels took, how many bytes
 * and operations that were, and how near it came to what the backend reaches in a large product or copy.
 *
 * The function is compiled like one under `jit`; nothing is donated, and its results are dropped.
 *
 * @example console.log(await profile((x: Tensor) => x.softmax())(zeros([1024, 4096])));
 * @throws PlaceholderError where the function reads a value
 * @throws ArgumentError where it is async, or closes over the argument of another transformation
 * @throws BackendError where the backend cannot stop the time of stages
 */
export const profile =
  <A extends readonly unknown[]>(f: (...args: A) => unknown, options: ProfileOptions = {}) =>
  async (...args: A): Promise<Profile> => {
    checkFunction(f, "profile");
    const { rounds = 10 } = options;
    if (!Number.isInteger(rounds) || rounds < 1)
      throw new ArgumentError(`profile: expected a number of rounds, got ${rounds}`);
    const flat = flatten(args);
    storeArguments(flat.leaves);
    const { program, placeholders } = traceFunction(f as never, args, [], flat, "profile");
    if (program === null) {
      throw new ArgumentError(
        "profile: the function closes over an argument of a transformation that is still running; " +
          "call profile outside, on the whole function",
      );
    }
    const arguments_ = new Map(placeholders.map(({ node }, i) => [node, flat.leaves[i]!.node]));
    const given = program.inputs.map((node) => (arguments_.get(node) ?? node).storage!);
    const backend = options.backend ?? commonBackend(given);
    const storages = await Promise.all(given.map((storage) => storageOn(backend, storage)));
    const inputs = storages.map((storage) => storage.blockOn(backend));
    const times = await timeProgram(backend, program.program, inputs, program.scalars, rounds);
    for (const [i, storage] of storages.entries())
      if (storage !== given[i]) storage.dispose("profile is over");
    const roofline = await rooflineOf(backend);
    const { schedule } = times;
    const stages = schedule.stages.map((stage, i): ProfiledStage => {
      const { bytes, operations } = costOfStage(stage, schedule);
      const time = times.milliseconds[i]!;
      const needed = 1000 * Math.max(bytes / roofline.bytes, operations / roofline.operations);
      return {
        name: stageName(stage, schedule),
        kind: stage.kind,
        milliseconds: time,
        bytes,
        operations,
        roofline: time === 0 ? 0 : needed / time,
      };
    });
    return new Profile(backend.name, stages, roofline, rounds);
  };

/** The storage itself, or a copy of it where it lives on another backend. */
const storageOn = async (backend: Backend, storage: Storage): Promise<Storage> =>
  storage.backend === backend || storage.backend === null
    ? storage
    : Storage.ofHost(storage.type, await storage.read());

interface Times {
  readonly schedule: Schedule;
  readonly milliseconds: readonly number[];
}

/** The shortest times of the stages of a program, in so many rounds, or fewer once they have taken long enough. */
async function timeProgram(
  backend: Backend,
  program: Program,
  inputs: readonly Block[],
  scalars: readonly number[],
  rounds: number,
  enough = Infinity,
): Promise<Times> {
  if (backend.compileTimed === undefined || backend.time === undefined) {
    throw new BackendError(
      `the backend ${backend.name} cannot say how long its stages take; profile on another one, such as cpuBackend()`,
    );
  }
  const canonical = canonicalise(program);
  const executable = backend.compileTimed(canonical);
  const outputs = canonical.outputs.map((slot) => backend.alloc(bytesOn(backend, canonical.slots[slot]!)));
  try {
    let best: readonly number[] = [];
    const begin = performance.now();
    for (let round = 0; round < rounds && performance.now() - begin < enough; round++) {
      const times = await backend.time(executable, inputs, scalars, outputs);
      best = times.map((time, i) => Math.min(time, best[i] ?? Infinity));
    }
    return { schedule: executable.schedule, milliseconds: best };
  } finally {
    for (const output of outputs) backend.free(output);
  }
}

/** Engines compile hot code again while it runs, so the first rounds are slow. */
const roofs = { rounds: 15, enough: 500 };

const rooflines = new WeakMap<Backend, Promise<Roofline>>();

/** Measured for the first profile of a backend. */
function rooflineOf(backend: Backend): Promise<Roofline> {
  let roofline = rooflines.get(backend);
  if (roofline === undefined) {
    roofline = measureRoofline(backend);
    rooflines.set(backend, roofline);
  }
  return roofline;
}

async function measureRoofline(backend: Backend): Promise<Roofline> {
  const rate = async (f: (x: Tensor) => Tensor, shape: readonly number[], amount: "bytes" | "operations") => {
    const flat = flatten([zeros(shape)]);
    const { program } = traceFunction(f as never, flat.leaves, [], flat, "profile");
    const block = backend.alloc(bytesOn(backend, { shape, dtype: "float32" }));
    backend.write(block, new Uint8Array(block.bytes));
    const { schedule, milliseconds } = await timeProgram(
      backend,
      program!.program,
      [block],
      program!.scalars,
      roofs.rounds,
      roofs.enough,
    );
    backend.free(block);
    const total = schedule.stages.reduce((sum, stage) => sum + costOfStage(stage, schedule)[amount], 0);
    return (1000 * total) / milliseconds.reduce((a, b) => a + b, 0);
  };
  return {
    operations: await rate((x) => multiply(x, x), [512, 512], "operations"),
    bytes: await rate((x) => x.neg() as Tensor, [2 ** 23], "bytes"),
  };
}
