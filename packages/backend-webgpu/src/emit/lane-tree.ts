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

/** The invocations that combine values. */
export interface Lanes {
  /** How many of them combine theirs, the workgroup's first, its next and so on: a power of two. */
  readonly together: number;
  /** All of the workgroup. */
  readonly workgroup: number;
  /** How many can exchange values without memory, their numbers being neighbours; 1: none. */
  readonly subgroup: number;
}

/** Values that one invocation combines at a time: fewer barriers than by pairs, and still few instructions. */
const radix = 8;

/** Of how many neighbours one has the combination once subgroups have done their part. */
const exchangedOf = (values: readonly LaneValue[], { together, subgroup }: Lanes): number =>
  values.every(({ isExchangeable }) => isExchangeable) ? Math.min(subgroup, together) : 1;

/** Words of the workgroup's memory `partials` that {@link combineLanes} needs for one value. */
function wordsOf({ together, workgroup }: Lanes, exchanged: number): number {
  let words = 0;
  for (let count = together / exchanged; count > 1; count = Math.floor(count / radix))
    words += (workgroup / together) * count;
  return words;
}

/** Words of the workgroup's memory `partials` that {@link combineLanes} needs for some values. */
export const laneTreeWords = (values: readonly LaneValue[], lanes: Lanes): number =>
  values.length * wordsOf(lanes, exchangedOf(values, lanes));

/**
 * Statements after which each invocation has the combination of the values of all that it belongs `together` with:
 * neighbours first, then pairs of neighbours, and so on. A subgroup does its part without memory; in which order the values
 * are combined, and therefore every bit, is the same without one.
 *
 * @param isFirst - whether the workgroup's memory is in nobody's use
 */
export function combineLanes(values: readonly LaneValue[], lanes: Lanes, isFirst: boolean): string[] {
  const { together, workgroup } = lanes;
  const lines: string[] = [];
  const exchanged = exchangedOf(values, lanes);
  for (let apart = 1; apart < exchanged; apart *= 2) {
    for (const { name, combine } of values)
      lines.push(`${name} = ${combine(name, `subgroupShuffleXor(${name}, ${apart}u)`)};`);
  }
  if (exchanged === together) return lines;
  const words = wordsOf(lanes, exchanged);
  if (!isFirst) lines.push("workgroupBarrier();");
  const puts = values.map(
    ({ name, toWord }, k) => `partials[${k * words}u + lane / ${exchanged}u] = ${toWord(name)};`,
  );
  lines.push(...(exchanged === 1 ? puts : [`if (lane % ${exchanged}u == 0u) {`, ...indented(puts), "}"]));
  lines.push("workgroupBarrier();");
  let count = together / exchanged;
  let [at, all] = [0, workgroup / exchanged];
  for (; count > radix; count /= radix) {
    const next = values.map((value, k) => {
      const first = `${k * words + at}u + lane * ${radix}u`;
      const result = tree(value, (i) => `partials[${first} + ${i}u]`, radix);
      return `partials[${k * words + at + all}u + lane] = ${value.toWord(result)};`;
    });
    lines.push(`if (lane < ${all / radix}u) {`, ...indented(next), "}", "workgroupBarrier();");
    at += all;
    all /= radix;
  }
  for (const [k, value] of values.entries()) {
    const block = workgroup === together ? "" : ` + lane / ${together}u * ${count}u`;
    const word = (i: number) => `partials[${k * words + at + i}u${block}]`;
    lines.push(`${value.name} = ${tree(value, word, count)};`);
  }
  return lines;
}

const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

/** The combination of neighbours, pairs of neighbours, and so on. */
function tree({ combine, fromWord }: LaneValue, word: (i: number) => string, count: number): string {
  return combineNeighbours(
    Array.from({ length: count }, (_, i) => fromWord(word(i))),
    combine,
  );
}

/** One value of a power of two of them: neighbours are combined first, then pairs of neighbours, and so on. */
export function combineNeighbours(
  values: readonly string[],
  combine: (x: string, y: string) => string,
): string {
  if (values.length === 1) return values[0]!;
  const half = values.length / 2;
  return combine(
    combineNeighbours(values.slice(0, half), combine),
    combineNeighbours(values.slice(half), combine),
  );
}
