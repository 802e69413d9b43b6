import { type Affine, type Expression, type LoopKernel, operandsOf, phaseRoots } from "@amari/core/backend";

/** A kernel apart from the memory that it works on. */
export interface KernelForm {
  /** Kernels share it exactly if they do the same, each to its own buffers and numbers. */
  readonly key: string;
  /** The buffers and the caller's numbers, in the order in which the key counts them. */
  readonly buffers: readonly number[];
  readonly scalars: readonly number[];
}

/** From so many points on, nothing that is written for a kernel depends on the extent of its outermost loop. */
const longest = 64;

/** Describes a kernel: the layers of a network and the parameters of an optimizer make many of one form. */
export const formOf = (kernel: LoopKernel): KernelForm => new Description().of(kernel);

class Description {
  private readonly buffers = new Numbering<number>();
  private readonly scalars = new Numbering<number>();
  private readonly expressions = new Numbering<Expression>();
  private key = "";

  of({ loops, phases }: LoopKernel): KernelForm {
    const { buffers, scalars, expressions } = this;
    const [outermost = 1, ...others] = loops;
    this.key = `${loops.length}:${Math.min(outermost, longest)},${others.join()}`;
    for (const phase of phases) {
      for (const root of phaseRoots(phase)) this.add(root);
      this.key += `|${phase.loops.join()}`;
      for (const { index, type, combine, initial, value, partials, run } of phase.accumulators)
        this.key += `;${index} ${type} ${combine} ${numberText(initial)} ${expressions.of(value)} ${partials}/${run}`;
      for (const { buffer, access, value } of phase.stores)
        this.key += `;${buffers.of(buffer)}${placeOf(access)}=${expressions.of(value)}`;
    }
    return { key: this.key, buffers: buffers.items, scalars: scalars.items };
  }

  /** Adds an expression after its operands. */
  private add(expression: Expression): void {
    if (this.expressions.has(expression)) return;
    for (const operand of operandsOf(expression)) this.add(operand);
    this.expressions.of(expression);
    this.key += `;${expression.type} ${this.textOf(expression)}`;
  }

  private textOf(expression: Expression): string {
    switch (expression.kind) {
      case "load": {
        const { buffer, access, shift } = expression;
        const moved = shift === undefined ? "" : `+${this.expressions.of(shift.by)}*${shift.stride}`;
        return `load ${this.buffers.of(buffer)}${placeOf(access)}${moved}`;
      }
      case "index":
        return `index${placeOf(expression.access)}`;
      case "constant":
        return numberText(expression.value);
      case "scalar":
        return `scalar ${this.scalars.of(expression.index)}`;
      case "accumulated":
        return `result ${expression.index}`;
      case "instruction":
        return `${expression.instruction}(${this.numbersOf(expression.operands)})`;
      case "call":
        return `call ${expression.name}(${this.numbersOf(expression.operands)})`;
    }
  }

  private numbersOf(operands: readonly Expression[]): string {
    return operands.map((operand) => this.expressions.of(operand)).join();
  }
}

const numberText = (value: number): string => (Object.is(value, -0) ? "-0" : String(value));

const placeOf = ({ offset, strides }: Affine): string => `[${offset}:${strides.join()}]`;

/** Numbers things in the order in which they are met. */
class Numbering<T> {
  private readonly numbers = new Map<T, number>();

  get items(): T[] {
    return [...this.numbers.keys()];
  }

  has(item: T): boolean {
    return this.numbers.has(item);
  }

  of(item: T): number {
    let number = this.numbers.get(item);
    if (number === undefined) {
      number = this.numbers.size;
      this.numbers.set(item, number);
    }
    return number;
  }
}
