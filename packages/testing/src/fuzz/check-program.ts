import {
  AmariError,
  type Backend,
  getDefaultBackend,
  jit,
  setDefaultBackend,
  type Tensor,
  type TypedArray,
} from "@amari/core";
import { MismatchError } from "../expect-close.ts";
import { firstDifference, type Judgement, judge, type Perturbed, spreadsAllowed } from "./judge.ts";
import { type Noise, PerturbingBackend } from "./perturbing-backend.ts";
import { printProgram } from "./print-program.ts";
import { evaluate, type Input, type RandomProgram, tensorOf } from "./random-program.ts";
import type { TensorFunction, Variant } from "./variants.ts";

/** What is compared with what. */
export class Subject {
  readonly reference: Backend;
  readonly perturbed: PerturbingBackend;
  readonly backend: Backend;
  /** Whether the bits must be the same however a program is cut into pieces: jitted, donated, read on the way. */
  readonly anyCut: boolean;

  constructor(reference: Backend, backend: Backend, anyCut: boolean) {
    this.anyCut = anyCut;
    this.reference = reference;
    this.perturbed = new PerturbingBackend(reference);
    this.backend = backend;
  }
}

/** One result of a program that agreed. */
export interface Agreement extends Judgement {
  /** The operation that the result came from; of a transformed program, the transformation. */
  readonly operation: string;
}

/**
 * Into how many groups the operations are dealt out in turn, at most; each is perturbed by itself, in several ways. Were all
 * perturbed at once, errors that happen to cancel would hide how far results may be apart.
 */
const mostGroups = 6;

const directions = ["chance", "opposite", "coarse"] as const;

const strains: readonly Pick<Noise, "direction" | "amount">[] = [
  { direction: "chance", amount: "whole" },
  { direction: "opposite", amount: "whole" },
  { direction: "chance", amount: "part" },
  { direction: "opposite", amount: "part" },
];

/** The results of a function on a backend. */
export interface Results {
  readonly tensors: readonly Tensor[];
  readonly data: readonly TypedArray[];
}

export function runOn(backend: Backend, f: TensorFunction, inputs: readonly Input[]): Results {
  const tensors = submitOn(backend, f, inputs);
  return { tensors, data: tensors.map((x) => x.dataSync()) };
}

/**
 * Runs a function on a backend without waiting for what comes of it.
 *
 * @param before - called with the results before they are computed, as far as they have not been by then
 */
export function submitOn(
  backend: Backend,
  f: TensorFunction,
  inputs: readonly Input[],
  before: (results: readonly Tensor[]) => void = () => {},
): Tensor[] {
  const previous = currentDefault();
  setDefaultBackend(backend);
  try {
    const tensors = f(...inputs.map(tensorOf));
    before(tensors);
    for (const x of tensors) x.realise();
    return tensors;
  } finally {
    if (previous !== null) setDefaultBackend(previous);
  }
}

/** Runs of the reference with wrong operations. */
export interface PerturbedRuns {
  /** For each group of operations, the runs that perturb it by the stated error. */
  readonly groups: readonly (readonly Results[])[];
  /** Runs in which every operation is wrong by as many times its stated error as results may be apart in spreads. */
  readonly strained: readonly Results[];
}

export function perturbedRuns(
  perturbed: PerturbingBackend,
  f: TensorFunction,
  inputs: readonly Input[],
): PerturbedRuns {
  const run = (noise: Noise): Results => {
    perturbed.noise = noise;
    return runOn(perturbed, f, inputs);
  };
  const strained = strains.map(({ direction, amount }) =>
    run({ group: 0, groups: 1, direction, strength: spreadsAllowed, amount, seed: mostGroups }),
  );
  // A group of its own for each where they are few: there is nothing to see in a group without any.
  const groups = Math.max(1, Math.min(mostGroups, perturbed.moves));
  return {
    strained,
    groups: Array.from({ length: groups }, (_, group) =>
      directions.map((direction) =>
        run({ group, groups, direction, strength: 1, amount: "whole", seed: group }),
      ),
    ),
  };
}

/** What {@link judge} needs of the runs for one result. */
export const perturbedData = (
  { groups, strained }: PerturbedRuns,
  i: number,
  kept: (data: TypedArray) => TypedArray = (data) => data,
): Perturbed => ({
  groups: groups.map((runs) => runs.map((run) => kept(run.data[i]!))),
  strained: strained.map((run) => kept(run.data[i]!)),
});

function currentDefault(): Backend | null {
  try {
    return getDefaultBackend();
  } catch {
    return null;
  }
}

/** A program as a function; `observe` is called with each of its values as it is made. */
type Making = (observe?: (value: Tensor) => void) => TensorFunction;

/** Other ways to run the same function, which must give the same bits. */
interface Mode {
  readonly name: string;
  readonly run: (make: Making) => TensorFunction;
  /** Whether it cuts the work into other pieces than a first run does. */
  readonly recut: boolean;
  /** Whether it reads values on the way, which placeholders do not have. */
  readonly reads?: boolean;
}

const modes: readonly Mode[] = [
  { name: "a second run", run: (make) => make(), recut: false },
  { name: "jit", run: (make) => jit(make()) as TensorFunction, recut: true },
  {
    name: "jit with donated arguments",
    run:
      (make) =>
      (...inputs) =>
        (jit(make(), { donate: inputs.map((_, i) => i) }) as TensorFunction)(...inputs),
    recut: true,
  },
  {
    name: "reading every value on the way",
    run: (make) => make((value) => void value.realise()),
    recut: true,
    reads: true,
  },
];

/**
 * Runs a program on the reference and on the backend: its results must be within the bound that perturbed runs of the
 * reference give, and have the same bits however the program is run.
 *
 * @returns null where the reference itself declines the program with a typed error
 * @throws MismatchError which shows the program as code
 */
export function checkProgram(
  program: RandomProgram,
  variant: Variant,
  subject: Subject,
): readonly Agreement[] | null {
  const inputs = variant.inputs(program);
  const f: Making = (observe) => variant.transform((...given) => evaluate(program, given, observe));
  let expected: Results;
  try {
    expected = runOn(subject.reference, f(), inputs);
  } catch (error) {
    if (error instanceof AmariError) return null;
    throw describe(error as Error, "the reference backend throws", program, variant);
  }
  const { perturbed, backend } = subject;
  const perturbations = perturbedRuns(perturbed, f(), inputs);
  const got = attempt(backend.name, () => runOn(backend, f(), inputs), program, variant);
  const agreements = got.data.map((data, i): Agreement => {
    const { dtype, shape } = expected.tensors[i]!;
    checkType(got.tensors[i]!, expected.tensors[i]!, i, program, variant);
    const judgement = judge(
      data,
      expected.data[i]!,
      perturbedData(perturbations, i),
      dtype,
      !perturbations.groups[0]!.some((run) => perturbed.isInexact(run.tensors[i]!)),
    );
    const wrong = judgement.wrong[0];
    if (wrong !== undefined) {
      throw mismatch(
        `${backend.name} differs from the reference in ${judgement.wrong.length} of ${data.length} elements of result ` +
          `${i}, ${dtype}[${shape.join(", ")}]: element ${wrong.index} is ${show(data[wrong.index]!)}, expected ` +
          `${show(expected.data[i]![wrong.index]!)} within ${wrong.bound}`,
        program,
        variant,
      );
    }
    return { ...judgement, operation: operationOf(program, i, variant) };
  });
  for (const { name, run, recut, reads } of modes) {
    if ((recut && !subject.anyCut) || (reads && variant.name !== "plain")) continue;
    const again = attempt(name, () => runOn(backend, run(f), inputs), program, variant);
    checkBits(again, got, `${name} gives other bits on ${backend.name}`, program, variant);
  }
  return agreements;
}

/** Throws unless two runs have given the same bits. */
export function checkBits(
  again: Results,
  first: Results,
  what: string,
  program: RandomProgram,
  variant: Variant,
): void {
  again.data.forEach((data, i) => {
    const at = firstDifference(data, first.data[i]!);
    if (at < 0) return;
    const { dtype, shape } = first.tensors[i]!;
    throw mismatch(
      `${what}: element ${at} of result ${i}, ${dtype}[${shape.join(", ")}], is ${show(data[at]!)}, first it was ` +
        `${show(first.data[i]![at]!)}`,
      program,
      variant,
    );
  });
}

function checkType(got: Tensor, expected: Tensor, i: number, program: RandomProgram, variant: Variant): void {
  const [type, wanted] = [got, expected].map(({ dtype, shape }) => `${dtype}[${shape.join(", ")}]`);
  if (type !== wanted) throw mismatch(`result ${i} is of type ${type}, expected ${wanted}`, program, variant);
}

function operationOf({ inputs, calls, outputs }: RandomProgram, i: number, variant: Variant): string {
  if (variant.name.startsWith("gradients")) return variant.name;
  return calls[outputs[i]! - inputs.length]?.callee ?? "input";
}

const show = (x: number): string => (Object.is(x, -0) ? "-0" : String(x));

const mismatch = (message: string, program: RandomProgram, variant: Variant): MismatchError =>
  new MismatchError(
    `${message}\n\n${printProgram({ ...program, inputs: variant.inputs(program) }, variant.print)}\n`,
  );

function describe(error: Error, what: string, program: RandomProgram, variant: Variant): MismatchError {
  const where = error.stack?.split("\n").slice(1, 4).join("\n") ?? "";
  return mismatch(`${what}: ${error.name}: ${error.message}\n${where}`, program, variant);
}

export function attempt<T>(what: string, run: () => T, program: RandomProgram, variant: Variant): T {
  try {
    return run();
  } catch (error) {
    throw describe(error as Error, `${what} throws`, program, variant);
  }
}
