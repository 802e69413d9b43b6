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
export function formOf({ loops, phases }: LoopKernel): KernelForm {
  const buffers = new Numbering<number>();
  const scalars = new Numbering<number>();
  const expressions = new Numbering<Expression>();
  const [outermost = 1, ...others] = loops;
  let key = `${loops.length}:${Math.min(outermost, longest)},${others.join()}`;
  const describe = (expression: Expression): void => {
    if (expressions.has(expression)) return;
    operandsOf(expression).forEach(describe);
    expressions.of(expression);
    key += `;${expression.type} ${textOf(expression)}`;
  };
  const textOf = (expression: Expression): string => {
    switch (expression.kind) {
      case "load": {
        const { buffer, access, shift } = expression;
        const moved = shift === undefined ? "" : `+${expressions.of(shift.by)}*${shift.stride}`;
        return `load ${buffers.of(buffer)}${placeOf(access)}${moved}`;
      }
      case "index":
        return `index${placeOf(expression.access)}`;
      case "constant":
        return numberText(expression.value);
      case "scalar":
        return `scalar ${scalars.of(expression.index)}`;
      case "accumulated":
        return `result ${expression.index}`;
      case "instruction":
      case "call": {
        const name = expression.kind === "call" ? `call ${expression.name}` : expression.instruction;
        return `${name}(${expression.operands.map((operand) => expressions.of(operand)).join()})`;
      }
    }
  };
  for (const phase of phases) {
    phaseRoots(phase).forEach(describe);
    key += `|${phase.loops.join()}`;
    for (const { index, type, combine, initial, value, partials, run } of phase.accumulators)
      key += `;${index} ${type} ${combine} ${numberText(initial)} ${expressions.of(value)} ${partials}/${run}`;
    for (const { buffer, access, value } of phase.stores)
      key += `;${buffers.of(buffer)}${placeOf(access)}=${expressions.of(value)}`;
  }
  return { key, buffers: buffers.items, scalars: scalars.items };
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
