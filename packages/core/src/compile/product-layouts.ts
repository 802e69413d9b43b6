import { stridesOf } from "../shape.ts";
import type { Program, Step } from "./program.ts";

/** The attributes of a product whose result is stored with its axes in another order. */
export interface ProductLayout {
  /** Which axis of the product each axis of the stored result is. */
  readonly axes: readonly number[];
}

/**
 * Lets products store their results in the order in which they are read: a permutation that is all that reads a product,
 * and leaves its columns neighbours, becomes part of it. So the heads of an attention, which it computes one by one,
 * stand side by side in each row, as the matrix that multiplies them next reads them, and nothing is copied.
 */
export function layProductsOut(program: Program): Program {
  const products = new Map<number, Step>();
  for (const step of program.steps) if (step.operation.kernel.kind === "dot") products.set(step.output, step);
  const readers = new Map<number, Step[]>();
  for (const step of program.steps)
    for (const slot of step.inputs)
      if (products.has(slot)) readers.set(slot, [...(readers.get(slot) ?? []), step]);
  const [laid, passed] = [new Map<Step, Step>(), new Set<Step>()];
  for (const [slot, product] of products) {
    const [reader, ...others] = readers.get(slot) ?? [];
    if (reader === undefined || others.length > 0 || program.outputs.includes(slot)) continue;
    const axes = permutationOf(reader, product.outputs[0]!.shape);
    if (axes === null || axes.at(-1) !== axes.length - 1) continue;
    const attributes: ProductLayout = { axes };
    laid.set(product, { ...product, attributes, output: reader.output, outputs: reader.outputs });
    passed.add(reader);
  }
  if (passed.size === 0) return program;
  const steps = program.steps.filter((step) => !passed.has(step)).map((step) => laid.get(step) ?? step);
  return { ...program, steps };
}

/** The axes that a step puts its operand's elements in, or null where it does anything else to them. */
function permutationOf(
  { operation, attributes, outputs }: Step,
  operand: readonly number[],
): number[] | null {
  if (operation.kernel.kind !== "view") return null;
  const { shape } = outputs[0]!;
  // Strides that tell the axes apart and are no array's, which a reshape would have to copy.
  const strides = operand.map((_, axis) => axis + 1);
  const seen = operation.kernel.view({ shape: operand, strides, offset: 0 }, attributes as never, shape);
  if (seen === null || seen.offset !== 0 || shape.length !== operand.length) return null;
  const axes = seen.strides.map((stride) => stride - 1);
  const isPermutation =
    new Set(axes).size === axes.length && axes.every((axis, i) => operand[axis] === shape[i]);
  return isPermutation ? axes : null;
}

/** The shape and the strides of a product in the order of its own axes, given the type of what is stored. */
export function productView(
  stored: readonly number[],
  attributes: unknown,
): { readonly shape: readonly number[]; readonly strides: readonly number[] } {
  const strides = stridesOf(stored);
  if (attributes === undefined) return { shape: stored, strides };
  const { axes } = attributes as ProductLayout;
  const own = stored.map((_, axis) => axes.indexOf(axis));
  return { shape: own.map((i) => stored[i]!), strides: own.map((i) => strides[i]!) };
}
