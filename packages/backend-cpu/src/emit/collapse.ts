import { type Affine, type Expression, expressionsOf, type LoopKernel } from "@amari/core/backend";

/**
 * The same kernel with fewer, longer loops: neighbouring loops become one where every access runs through both
 * without a jump, and loops of extent 1 go. Elementwise work on dense arrays becomes one loop.
 */
export function collapseLoops(kernel: LoopKernel): LoopKernel {
  const parallel = kernel.loops.length;
  const extents = [...kernel.loops, ...kernel.reductions];
  const accesses = accessesOf(kernel);
  /** The loops that survive: `[first original loop, last original loop]`, and whether they reduce. */
  const groups: { first: number; last: number; extent: number; reduces: boolean }[] = [];
  extents.forEach((extent, loop) => {
    if (extent === 1) return;
    const reduces = loop >= parallel;
    const previous = groups.at(-1);
    const joins =
      previous !== undefined &&
      previous.reduces === reduces &&
      accesses.every(({ strides }) => strides[previous.last] === strides[loop]! * extent);
    if (joins) {
      previous.last = loop;
      previous.extent *= extent;
    } else groups.push({ first: loop, last: loop, extent, reduces });
  });
  const map = ({ offset, strides }: Affine): Affine => ({
    offset,
    strides: groups.map(({ last }) => strides[last]!),
  });
  const rewritten = new Map<Expression, Expression>();
  for (const expression of expressionsOf(
    [...kernel.accumulators, ...kernel.stores].map(({ value }) => value),
  )) {
    rewritten.set(expression, rewrite(expression));
  }
  return {
    loops: groups.filter(({ reduces }) => !reduces).map(({ extent }) => extent),
    reductions: groups.filter(({ reduces }) => reduces).map(({ extent }) => extent),
    accumulators: kernel.accumulators.map((a) => ({ ...a, value: rewritten.get(a.value)! })),
    stores: kernel.stores.map((s) => ({
      ...s,
      access: map(padded(s.access, extents.length)),
      value: rewritten.get(s.value)!,
    })),
  };

  function rewrite(expression: Expression): Expression {
    if (expression.kind === "load")
      return { ...expression, access: map(padded(expression.access, extents.length)) };
    if (expression.kind !== "instruction" && expression.kind !== "call") return expression;
    return { ...expression, operands: expression.operands.map((operand) => rewritten.get(operand)!) };
  }
}

/** A store's access names the parallel loops only where nothing is reduced. */
const padded = ({ offset, strides }: Affine, loops: number): Affine => ({
  offset,
  strides: [...strides, ...new Array<number>(loops - strides.length).fill(0)],
});

function accessesOf(kernel: LoopKernel): Affine[] {
  const loops = kernel.loops.length + kernel.reductions.length;
  const loads = expressionsOf([...kernel.accumulators, ...kernel.stores].map(({ value }) => value)).flatMap(
    (e) => (e.kind === "load" ? [e.access] : []),
  );
  return [...loads, ...kernel.stores.map(({ access }) => access)].map((access) => padded(access, loops));
}
