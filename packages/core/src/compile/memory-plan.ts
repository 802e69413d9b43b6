import { bytesPerElement, type DType } from "../dtype.ts";
import { sizeOf } from "../shape.ts";
import { canOverwrite } from "./in-place.ts";
import { type Buffer, buffersOf, type Schedule, type Stage } from "./schedule.ts";

/** Where the buffers of a schedule stand. */
export interface MemoryPlan {
  /** The byte offset in one arena of each temporary that has a place of its own. */
  readonly offsets: readonly (number | undefined)[];
  /** For a buffer that takes over the memory of another one: which. */
  readonly shares: readonly (number | undefined)[];
  /** The size of the arena. */
  readonly bytes: number;
}

/** Temporaries start on multiples of this many bytes: a cache line, and any vector's width. */
const alignment = 64;

/** The buffers that a stage reads and writes. */
type Touched = ReturnType<typeof buffersOf>;

/** From the first stage that touches a buffer to the last. */
interface Life {
  from: number;
  to: number;
}

/**
 * Places the buffers of a schedule. Results take over the memory of donated inputs where the last reading allows it;
 * temporaries are written over what is read for the last time; the others are placed in an arena so that those alive at
 * the same time do not overlap.
 *
 * @param donated - the inputs whose memory may be overwritten
 * @param elementBytes - how many bytes an element takes
 */
export function planMemory(
  schedule: Schedule,
  donated: Iterable<number> = [],
  elementBytes: (dtype: DType) => number = bytesPerElement,
): MemoryPlan {
  const touched = schedule.stages.map(buffersOf);
  const lives = livesOf(schedule, touched);
  const shares: (number | undefined)[] = schedule.buffers.map(() => undefined);
  const widths = schedule.buffers.map(({ type }) => elementBytes(type.dtype));
  reuseInputs(schedule, widths, lives, shares, new Set(donated));
  writeInPlace(schedule, touched, widths, lives, shares);
  return { ...placeTemporaries(schedule, widths, lives, shares), shares };
}

/** For each result that takes over a donated input: the number of the result and of the input. */
export function donationsOf({ shares }: MemoryPlan, { buffers }: Schedule): ReadonlyMap<number, number> {
  const donations = new Map<number, number>();
  buffers.forEach(({ role }, buffer) => {
    const source = shares[buffer];
    if (role.kind !== "output" || source === undefined) return;
    const { role: from } = buffers[source]!;
    if (from.kind === "input") donations.set(role.index, from.index);
  });
  return donations;
}

function livesOf({ buffers }: Schedule, touched: readonly Touched[]): Life[] {
  const lives = buffers.map(() => ({ from: Infinity, to: -1 }));
  touched.forEach(({ reads, writes }, at) => {
    for (const buffer of [...reads, ...writes]) {
      const life = lives[buffer]!;
      life.from = Math.min(life.from, at);
      life.to = Math.max(life.to, at);
    }
  });
  return lives;
}

const elementsOf = ({ type }: Buffer): number => sizeOf(type.shape);

/** Whether `to` may be written where `from` stands: nothing reads `from` when `to` is written, or the kernel can do it. */
function mayFollow(
  { buffers, stages }: Schedule,
  widths: readonly number[],
  lives: readonly Life[],
  from: number,
  to: number,
  atOnce: boolean,
): boolean {
  if (elementsOf(buffers[from]!) !== elementsOf(buffers[to]!) || widths[from] !== widths[to]) return false;
  const { from: written } = lives[to]!;
  const { to: read } = lives[from]!;
  if (read !== written) return !atOnce && read < written;
  const stage = stages[written];
  return stage?.kind === "loops" && canOverwrite(stage.kernel, from, to);
}

function reuseInputs(
  schedule: Schedule,
  widths: readonly number[],
  lives: readonly Life[],
  shares: (number | undefined)[],
  donated: ReadonlySet<number>,
): void {
  const numbers = schedule.buffers.map((_, buffer) => buffer);
  const free = new Set(
    numbers.filter((buffer) => {
      const { role } = schedule.buffers[buffer]!;
      return role.kind === "input" && donated.has(role.index);
    }),
  );
  for (const output of numbers) {
    if (schedule.buffers[output]!.role.kind !== "output") continue;
    const fits = (atOnce: boolean) =>
      [...free].find((input) => mayFollow(schedule, widths, lives, input, output, atOnce));
    const input = fits(true) ?? fits(false);
    if (input === undefined) continue;
    shares[output] = input;
    free.delete(input);
  }
}

/** Temporaries that are read for the last time by the kernel that writes another buffer of their size. */
function writeInPlace(
  schedule: Schedule,
  touched: readonly Touched[],
  widths: readonly number[],
  lives: Life[],
  shares: (number | undefined)[],
): void {
  const { buffers, stages } = schedule;
  const taken = new Set<number>(stages.flatMap(constantsOf));
  stages.forEach((stage, at) => {
    if (stage.kind !== "loops") return;
    const { reads, writes } = touched[at]!;
    for (const to of writes) {
      if (lives[to]!.from !== at || shares[to] !== undefined) continue;
      const from = reads.find(
        (buffer) =>
          buffer !== to &&
          buffers[buffer]!.role.kind === "temporary" &&
          !taken.has(buffer) &&
          mayFollow(schedule, widths, lives, buffer, to, true),
      );
      if (from === undefined) continue;
      // A temporary of an earlier stage hands its place on; one may also stand in the memory of the result itself.
      if (buffers[to]!.role.kind === "temporary") {
        shares[to] = from;
        const home = homeOf(from, shares);
        lives[home]!.to = Math.max(lives[home]!.to, lives[to]!.to);
      } else if (shares[from] === undefined && ![...shares].includes(from)) shares[from] = to;
      else continue;
      taken.add(from);
    }
  });
}

/** What a routine without operands writes: a backend may keep it from run to run. */
const constantsOf = (stage: Stage): readonly number[] =>
  stage.kind === "routine" && stage.inputs.length === 0 ? stage.outputs : [];

/** The buffer whose memory a buffer stands in. */
export function homeOf(buffer: number, shares: readonly (number | undefined)[]): number {
  let home = buffer;
  while (shares[home] !== undefined) home = shares[home]!;
  return home;
}

/** The largest first, each at the lowest offset that is free over its whole life. */
function placeTemporaries(
  { buffers }: Schedule,
  widths: readonly number[],
  lives: readonly Life[],
  shares: readonly (number | undefined)[],
): Pick<MemoryPlan, "offsets" | "bytes"> {
  const sizes = buffers.map(
    (buffer, i) => Math.ceil((elementsOf(buffer) * widths[i]!) / alignment) * alignment,
  );
  const temporaries = buffers
    .map((_, buffer) => buffer)
    .filter((buffer) => buffers[buffer]!.role.kind === "temporary" && shares[buffer] === undefined)
    .sort((a, b) => sizes[b]! - sizes[a]! || a - b);
  const offsets: (number | undefined)[] = buffers.map(() => undefined);
  const placed: number[] = [];
  let bytes = 0;
  for (const buffer of temporaries) {
    const life = lives[buffer]!;
    const taken = placed
      .filter((other) => lives[other]!.from <= life.to && life.from <= lives[other]!.to)
      .map((other) => ({ start: offsets[other]!, end: offsets[other]! + sizes[other]! }))
      .sort((a, b) => a.start - b.start);
    let offset = 0;
    for (const { start, end } of taken) {
      if (offset + sizes[buffer]! <= start) break;
      offset = Math.max(offset, end);
    }
    offsets[buffer] = offset;
    placed.push(buffer);
    bytes = Math.max(bytes, offset + sizes[buffer]!);
  }
  return { offsets, bytes };
}
