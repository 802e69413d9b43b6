/** A value that each invocation of a workgroup has, and how two are combined. */
export interface LaneValue {
  /** A variable of the shader. */
  readonly name: string;
  readonly combine: (x: string, y: string) => string;
  /** To a word of the workgroup's memory, and back. */
  readonly toWord: (value: string) => string;
  readonly fromWord: (word: string) => string;
  /** Whether a subgroup can exchange it. */
  readonly isExchangeable: boolean;
}

/** Values that one invocation combines at a time: fewer barriers than by pairs, and still few instructions. */
const radix = 8;

/** Words of the workgroup's memory `partials` that {@link combineLanes} needs for one value. */
export const laneTreeWords = (lanes: number): number => {
  let words = 0;
  for (let count = lanes; count > 1; count = Math.floor(count / radix)) words += count;
  return words;
};

/**
 * Statements after which all invocations have the combination of all values of the first `lanes`: neighbours first, then
 * pairs of neighbours, and so on. A subgroup does its part without memory; in which order the values are combined, and
 * therefore every bit, is the same without one.
 *
 * @param lanes - a power of two
 * @param subgroup - how many invocations can exchange values, their numbers being neighbours; 1: none
 */
export function combineLanes(values: readonly LaneValue[], lanes: number, subgroup: number): string[] {
  const lines: string[] = [];
  let count = lanes;
  if (subgroup > 1 && values.every(({ isExchangeable }) => isExchangeable)) {
    const together = Math.min(subgroup, lanes);
    for (let apart = 1; apart < together; apart *= 2) {
      for (const { name, combine } of values)
        lines.push(`${name} = ${combine(name, `subgroupShuffleXor(${name}, ${apart}u)`)};`);
    }
    count = lanes / together;
    if (count === 1) return broadcast(values, lines, lanes);
    lines.push(
      `if (lane < ${lanes}u && lane % ${together}u == 0u) {`,
      ...puts(values, lanes, `lane / ${together}u`),
      "}",
    );
  } else lines.push(`if (lane < ${lanes}u) {`, ...puts(values, lanes, "lane"), "}");
  lines.push("workgroupBarrier();");
  let at = 0;
  while (count > radix) {
    const next = count / radix;
    lines.push(`if (lane < ${next}u) {`);
    for (const [k, value] of values.entries()) {
      const result = tree(
        value,
        (i) => `partials[${k * laneTreeWords(lanes) + at}u + lane * ${radix}u + ${i}u]`,
        radix,
      );
      lines.push(`  partials[${k * laneTreeWords(lanes) + at + count}u + lane] = ${value.toWord(result)};`);
    }
    lines.push("}", "workgroupBarrier();");
    at += count;
    count = next;
  }
  for (const [k, value] of values.entries())
    lines.push(
      `${value.name} = ${tree(value, (i) => `partials[${k * laneTreeWords(lanes) + at + i}u]`, count)};`,
    );
  // The memory may be written again.
  lines.push("workgroupBarrier();");
  return lines;
}

const puts = (values: readonly LaneValue[], lanes: number, owner: string): string[] =>
  values.map(
    ({ name, toWord }, k) => `  partials[${k * laneTreeWords(lanes)}u + ${owner}] = ${toWord(name)};`,
  );

function broadcast(values: readonly LaneValue[], lines: readonly string[], lanes: number): string[] {
  return [
    ...lines,
    "if (lane == 0u) {",
    ...puts(values, lanes, "lane"),
    "}",
    "workgroupBarrier();",
    ...values.map(
      ({ name, fromWord }, k) => `${name} = ${fromWord(`partials[${k * laneTreeWords(lanes)}u]`)};`,
    ),
    "workgroupBarrier();",
  ];
}

/** The combination of neighbours, pairs of neighbours, and so on. */
function tree({ combine, fromWord }: LaneValue, word: (i: number) => string, count: number): string {
  const combined = (first: number, extent: number): string =>
    extent === 1
      ? fromWord(word(first))
      : combine(combined(first, extent / 2), combined(first + extent / 2, extent / 2));
  return combined(0, count);
}
