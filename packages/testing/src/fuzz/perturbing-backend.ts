import { operations, type Tensor } from "@amari/core";
import {
  type Backend,
  type Block,
  type Body,
  type Capabilities,
  type DType,
  type Executable,
  epsilonOf,
  isFloat,
  type Operation,
  type Program,
  type Step,
  sizeOf,
  type TensorType,
  ulpIn,
} from "@amari/core/backend";
import { uniformFrom } from "../sample.ts";

/** How a perturbed run moves results. */
export interface Noise {
  /** Which of the operations are moved: one in `groups`, in turn. */
  readonly group: number;
  readonly groups: number;
  /** By how many times their stated error. */
  readonly strength: number;
  /** Whether each element is moved by the whole of it, or by a part that is left to chance. */
  readonly amount: "whole" | "part";
  /** The seed of what is left to chance. */
  readonly seed: number;
  /**
   * By their whole error up or down by chance, or the other way; or to the nearest multiple of it, so that what is all
   * error becomes the zero, and what is nearly equal becomes the equal, that another order of summation may give.
   */
  readonly direction: "chance" | "opposite" | "coarse";
}

/**
 * A backend whose operations are each wrong by about as much as they may be: the spread of its results is what a
 * correct implementation may deviate by.
 *
 * It runs another backend on programs in which a step follows each inexact operation and moves every element of its
 * result by the operation's stated error; that of a sum by an error of its terms (see {@link terms}), since the
 * order in which these sum is their own and sums may cancel. Where an operation is correctly rounded (0.5 ulp) its
 * result is exact as long as its operands are; after that it may round the other way.
 */
export class PerturbingBackend implements Backend {
  readonly name: string;
  readonly capabilities: Capabilities;
  private readonly base: Backend;
  private readonly perturbation = new Perturbation();
  private readonly inexact = new WeakSet<Block>();

  constructor(base: Backend) {
    this.base = base;
    this.name = `${base.name}, perturbed`;
    this.capabilities = base.capabilities;
  }

  /** Chooses the noise of the runs that follow. */
  set noise(noise: Noise) {
    this.perturbation.set(noise);
  }

  /** How many operations the runs since the last choice could move. */
  get moves(): number {
    return this.perturbation.moves;
  }

  /** Whether a value of this backend came from inexact operations; else every backend must have the same bits. */
  isInexact({ node }: Tensor): boolean {
    return this.inexact.has(node.storage!.blockOn(this));
  }

  compile(program: Program): Executable {
    return new PerturbedExecutable(program);
  }

  submit(
    executable: Executable,
    inputs: readonly Block[],
    scalars: readonly number[],
    outputs: readonly Block[],
  ): void {
    const isInexact = inputs.map((block) => this.inexact.has(block));
    const variant = (executable as PerturbedExecutable).variant(isInexact, this.base, this.perturbation);
    this.base.submit(variant.executable, inputs, scalars, outputs);
    outputs.forEach((block, i) => {
      if (variant.inexactOutputs[i]) this.inexact.add(block);
    });
  }

  alloc(bytes: number): Block {
    return this.base.alloc(bytes);
  }

  free(block: Block): void {
    this.base.free(block);
  }

  write(block: Block, bytes: Uint8Array): void {
    this.base.write(block, bytes);
  }

  read(block: Block): Promise<Uint8Array> {
    return this.base.read(block);
  }

  readSync(block: Block): Uint8Array {
    return this.base.readSync!(block);
  }

  flush(): Promise<void> {
    return this.base.flush();
  }

  close(): Promise<void> {
    return this.base.close();
  }
}

interface Variant {
  readonly executable: Executable;
  readonly inexactOutputs: readonly boolean[];
}

/** A program, perturbed and compiled for each combination of exact and inexact inputs that it meets. */
class PerturbedExecutable implements Executable {
  readonly program: Program;
  private readonly variants = new Map<string, Variant>();

  constructor(program: Program) {
    this.program = program;
  }

  variant(isInexact: readonly boolean[], base: Backend, perturbation: Perturbation): Variant {
    const key = isInexact.map(Number).join("");
    let variant = this.variants.get(key);
    if (variant === undefined) {
      const { program, inexactOutputs } = perturb(this.program, isInexact, perturbation);
      variant = { executable: base.compile(program), inexactOutputs };
      this.variants.set(key, variant);
    }
    return variant;
  }
}

/** The noise itself, shared by the steps that are inserted. */
class Perturbation {
  private noise: Noise = {
    group: 0,
    groups: 1,
    strength: 1,
    amount: "whole",
    seed: 0,
    direction: "chance",
  };
  private uniform = uniformFrom(0);
  /** How many inserted steps have run since the noise was chosen. */
  private steps = 0;

  get moves(): number {
    return this.steps;
  }

  set(noise: Noise): void {
    this.noise = noise;
    this.uniform = uniformFrom(noise.seed);
    this.steps = 0;
  }

  /**
   * A step that moves each element of a slot by `ulp` units in the last place: of itself, or of the square root of a
   * second slot where that is larger.
   */
  step(ulp: number, type: TensorType, inputs: readonly number[], output: number): Step {
    const epsilon = epsilonOf(type.dtype);
    const least = smallest[type.dtype] ?? Number.MIN_VALUE;
    const size = Math.max(1, ulp);
    const move = (x: number, squared: number): number => {
      const scale = Math.max(Math.abs(x), squared > 0 ? Math.sqrt(squared) : 0);
      if (scale === 0 || !Number.isFinite(scale)) return x;
      const { strength, amount, direction } = this.noise;
      const whole = strength * size * Math.max(scale * epsilon, least);
      if (direction === "coarse") return Math.round(x / whole) * whole;
      const isUp = this.uniform() < 0.5 === (direction === "chance");
      const error = amount === "whole" ? whole : whole * this.uniform();
      return isUp ? x + error : x - error;
    };
    // Asked for once in each run of the step.
    const scalar = () => {
      const isMoved = this.steps++ % this.noise.groups === this.noise.group;
      return isMoved ? (x: number, squared = 0) => move(x, squared) : (x: number) => x;
    };
    const operation: Operation = { name: "perturb", kernel: { kind: "elementwise", scalar } };
    return { operation, attributes: undefined, inputs, output, outputs: [type] };
  }
}

/** The smallest positive numbers. */
const smallest: { readonly [D in DType]?: number } = { float32: 2 ** -149, float16: 2 ** -24 };

const square: Operation = {
  name: "square",
  kernel: { kind: "elementwise", scalar: () => (x: number) => x * x },
};

const largestSquare: Operation = {
  name: "largestSquare",
  kernel: {
    kind: "elementwise",
    scalar:
      () =>
      (...x: number[]) =>
        Math.max(...x.map((y) => y * y)),
  },
};

/** The error of an operation that no row of the table states. */
const unstated = 4;

let stated: Map<Operation, number> | undefined;
let cancelling: ReadonlySet<Operation> | undefined;

/** Whether the error of an elementwise operation is that of its largest operand. */
function cancels(operation: Operation): boolean {
  cancelling ??= new Set(
    [...operations.values()].flatMap((row) => (row.cancels && row.primitive !== null ? [row.primitive] : [])),
  );
  return cancelling.has(operation);
}

/** The stated error of an operation; conversions, which may round, count as correctly rounded. */
function errorOf(operation: Operation): number {
  if (stated === undefined) {
    stated = new Map();
    for (const { primitive, ulp } of operations.values()) {
      if (primitive !== null) stated.set(primitive, Math.max(ulp, stated.get(primitive) ?? 0));
    }
  }
  const { kind } = operation.kernel;
  if (kind === "view") return 0;
  if (operation.name === "astype") return 0.5;
  return stated.get(operation) ?? unstated;
}

/**
 * How the error of a sum grows with its terms: like the square root of their number, since roundings are about as often
 * up as down (Higham, Accuracy and Stability of Numerical Algorithms, section 2.6). Stated errors hold for short sums.
 */
const growthOf = (step: Step, program: Program): number => Math.max(1, Math.sqrt(termsOf(step, program)) / 4);

/** How many numbers an element of the result is made of, at most. */
function termsOf({ operation, inputs, outputs }: Step, { slots }: Program): number {
  const shapes = inputs.map((slot) => slots[slot]!.shape);
  switch (operation.kernel.kind) {
    case "reduce":
      return sizeOf(shapes[0]!) / Math.max(1, sizeOf(outputs[0]!.shape));
    case "dot":
      return shapes[0]!.at(-1)!;
    case "convolution":
      return sizeOf(shapes[1]!) / Math.max(1, shapes[1]![0]!);
    case "routine":
      return Math.max(1, ...shapes.flat());
    default:
      return 1;
  }
}

const isCorrectlyRounded = ({ operation, bodies }: Step): boolean =>
  bodies === undefined
    ? errorOf(operation) <= 0.5
    : bodies.every(({ program }) => program.steps.every(isCorrectlyRounded));

/** Inserts the steps that move results. */
function perturb(
  program: Program,
  isInexactInput: readonly boolean[],
  perturbation: Perturbation,
): { readonly program: Program; readonly inexactOutputs: readonly boolean[] } {
  const slots: TensorType[] = [];
  const steps: Step[] = [];
  const inexact = new Set<number>();
  /** Where the new program keeps what a slot of the old one held. */
  const moved = new Map<number, number>();
  const add = (type: TensorType, stepTo: (output: number) => Step): number => {
    const output = slots.push(type) - 1;
    steps.push(stepTo(output));
    return output;
  };
  const move = (slot: number, ulp: number, squared: number | null): number => {
    const type = slots[slot]!;
    if (!isFloat(type.dtype)) return slot;
    const inputs = squared === null ? [slot] : [slot, squared];
    return add(type, (output) => perturbation.step(ulp, type, inputs, output));
  };
  /**
   * What a sum makes of the squares of its operands, in float64: the square root is the error of the result, in the
   * terms' own units, where every term is off by a unit in a direction of its own. It does not shrink where terms cancel.
   */
  const terms = (step: Step, operands: readonly number[]): number | null => {
    const type = step.outputs[0]!;
    if (step.outputs.length !== 1 || !isFloat(type.dtype)) return null;
    const squares = operands.map((slot) => {
      const { shape, dtype } = slots[slot]!;
      if (!isFloat(dtype)) return slot;
      const wide: TensorType = { shape, dtype: "float64" };
      return add(wide, (output) => ({
        operation: square,
        attributes: undefined,
        inputs: [slot],
        output,
        outputs: [wide],
      }));
    });
    const wide: TensorType = { shape: type.shape, dtype: "float64" };
    return add(wide, (output) => ({ ...step, inputs: squares, output, outputs: [wide] }));
  };
  /** The square of the largest operand at each place. */
  const largest = (step: Step, operands: readonly number[]): number => {
    const wide: TensorType = { shape: step.outputs[0]!.shape, dtype: "float64" };
    return add(wide, (output) => ({
      operation: largestSquare,
      attributes: undefined,
      inputs: operands,
      output,
      outputs: [wide],
    }));
  };
  const given = program.inputs.length + program.scalars.length;
  program.slots.slice(0, given).forEach((type, slot) => {
    moved.set(slot, slots.push(type) - 1);
    if (isInexactInput[slot]) inexact.add(slot);
  });
  for (const step of program.steps) {
    const { kind } = step.operation.kernel;
    const isInexact = step.inputs.some((slot) => inexact.has(slot)) || !isCorrectlyRounded(step);
    const error = step.bodies === undefined ? errorOf(step.operation) * growthOf(step, program) : 0;
    const ulp = ulpIn(step.outputs[0]!.dtype, error);
    const operands = step.inputs.map((slot) => moved.get(slot)!);
    const squared =
      kind !== "elementwise" && ulp > 0.5
        ? terms(step, operands)
        : cancels(step.operation)
          ? largest(step, operands)
          : null;
    const first = slots.length;
    slots.push(...step.outputs);
    const bodies = isInexact ? step.bodies?.map((body) => perturbedBody(body, perturbation)) : step.bodies;
    steps.push({ ...step, inputs: operands, output: first, ...(bodies && { bodies }) });
    step.outputs.forEach((_, i) => {
      moved.set(step.output + i, isInexact && ulp > 0 ? move(first + i, ulp, squared) : first + i);
      if (isInexact) inexact.add(step.output + i);
    });
  }
  return {
    program: { ...program, slots, steps, outputs: program.outputs.map((slot) => moved.get(slot)!) },
    inexactOutputs: program.outputs.map((slot) => inexact.has(slot)),
  };
}

/** A body, whose operands count as inexact once anything in it is: a carry may be. */
const perturbedBody = ({ program, scalars }: Body, perturbation: Perturbation): Body => ({
  program: perturb(
    program,
    program.inputs.map(() => true),
    perturbation,
  ).program,
  scalars,
});
