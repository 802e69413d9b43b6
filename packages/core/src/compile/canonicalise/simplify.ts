import type { DType } from "../../dtype.ts";
import type { Operation, Term } from "../../operation.ts";
import { sameShape, stridesOf } from "../../shape.ts";
import type { Program, Step } from "../program.ts";
import { SharingWriter } from "./common-subexpressions.ts";
import { type ProgramWriter, rewrite } from "./rewrite.ts";

/**
 * Rewrites values by the rules that stand on their operations (`simplify`), and drops views that change nothing. Only
 * rewrites that are exact for every operand are made, NaN, infinities and the sign of zero included. What comes out equal
 * is computed once: a rule sees that two operands are the same value.
 *
 * @param numbers - the scalars where they are fixed, as they are in the body of a loop
 */
export function simplify(program: Program, numbers: readonly number[] = []): Program {
  const terms: Term[] = [
    ...program.inputs.map((type) => given(type, null)),
    ...program.scalars.map((dtype, i) => given({ shape: [], dtype }, numbers[i] ?? null)),
  ];
  const slotOf = new Map(terms.map((term, slot) => [term, slot]));

  const know = (term: Term, slot: number): void => {
    terms[slot] ??= term;
    slotOf.set(term, slot);
  };
  const place = (term: Term, writer: ProgramWriter): number => {
    const known = slotOf.get(term);
    if (known !== undefined) return known;
    const simpler = simplerThan(term);
    if (simpler !== null) {
      checkSameType(simpler, term);
      return place(simpler, writer);
    }
    const { operation, attributes, shape, dtype } = term;
    const inputs = term.operands.map((operand) => place(operand, writer));
    const outputs = [{ shape, dtype }];
    const slot = writer.add({ operation: operation!, attributes, inputs, outputs });
    know(term, slot);
    return slot;
  };

  const visit = (step: Step, writer: ProgramWriter): number => {
    if (step.outputs.length === 1 && step.bodies === undefined) return place(termOf(step, terms), writer);
    const at = writer.add(step);
    step.outputs.forEach((type, i) => {
      know(given(type, null), at + i);
    });
    return at;
  };
  return rewrite(program, visit, new SharingWriter(program));
}

const given = ({ shape, dtype }: Pick<Term, "shape" | "dtype">, constant: number | null): Term => ({
  shape,
  dtype,
  operation: null,
  attributes: undefined,
  operands: [],
  constant,
});

function termOf({ operation, attributes, inputs, outputs }: Step, terms: readonly Term[]): Term {
  const operands = inputs.map((slot) => terms[slot]!);
  const { shape, dtype } = outputs[0]!;
  const constant = constantOf(operation, attributes, operands, dtype);
  return { shape, dtype, operation, attributes, operands, constant };
}

function simplerThan(term: Term): Term | null {
  const { kernel, opaque, simplify: rule } = term.operation!;
  if (opaque) return null;
  return (kernel.kind === "view" ? withoutIdentity(term) : null) ?? rule?.(term) ?? null;
}

/** What a view, or a view of a view, shows unchanged: two transpositions, a reshape there and back. */
function withoutIdentity(term: Term): Term | null {
  const inner = term.operands[0]!;
  if (isIdentity([term], inner)) return inner;
  if (inner.operation?.kernel.kind !== "view" || inner.operation.opaque) return null;
  const below = inner.operands[0]!;
  return isIdentity([inner, term], below) ? below : null;
}

/** Whether views, one after the other, leave a dense array as it is. */
function isIdentity(views: readonly Term[], { shape }: Term): boolean {
  if (!sameShape(views.at(-1)!.shape, shape)) return false;
  const dense = stridesOf(shape);
  let window = { shape, strides: dense, offset: 0 };
  for (const { operation, attributes, shape: result } of views) {
    const { kernel } = operation!;
    const seen = kernel.kind === "view" ? kernel.view(window, attributes as never, result) : null;
    if (seen === null) return false;
    window = { shape: result, strides: [...seen.strides], offset: seen.offset };
  }
  return (
    window.offset === 0 && window.strides.every((stride, axis) => stride === dense[axis] || shape[axis] === 1)
  );
}

/** The number that a value is everywhere, for literals and views of what is one number. */
function constantOf(
  { kernel }: Operation,
  attributes: unknown,
  operands: readonly Term[],
  dtype: DType,
): number | null {
  if (kernel.kind === "view") return operands[0]!.constant;
  if (kernel.kind === "elementwise" && operands.length === 0)
    return kernel.scalar(attributes as never, dtype)();
  return null;
}

function checkSameType(simpler: Term, term: Term): void {
  if (simpler.dtype === term.dtype && sameShape(simpler.shape, term.shape)) return;
  throw new Error(`a simplification of ${term.operation!.name} changes its type`);
}
