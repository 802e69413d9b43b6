import type { FloatContext } from "./float-reader.ts";
import type { IsAligned } from "./quads.ts";
import type { TableLayout } from "./table.ts";

/** A kernel as shaders that run one after the other. */
export interface DeviceKernel {
  readonly shaders: readonly Shader[];
  readonly table: TableLayout;
  /** Words of memory that the shaders need between them. */
  readonly memory: number;
}

/** A shader and over how many workgroups it runs. */
export interface Shader {
  readonly text: string;
  readonly groups: readonly [x: number, y: number];
}

/** Invocations in a workgroup where each has points of its own: more where there are many points, since groups take time. */
export const flatWorkgroup = (points: number): number => (points < 2 ** 16 ? 64 : 256);

/** Invocations in a workgroup where each makes long folds alone: few, so that there are workgroups for all processors. */
export const aloneWorkgroup = 16;

/** Beyond this, workgroups are counted in two dimensions. */
const groupsInRow = 32_768;

/** Workgroups in two dimensions, since one has a limit. */
export const gridOf = (groups: number): readonly [number, number] =>
  groups <= groupsInRow ? [groups, 1] : [groupsInRow, Math.ceil(groups / groupsInRow)];

/** The flat number of a workgroup of {@link gridOf}. */
export const groupNumber: string = `(group.y * ${groupsInRow}u + group.x)`;

/** What kernels need to know of the device, and of the program around them. */
export interface KernelContext extends FloatContext {
  /** How many invocations exchange values, see {@link combineLanes}; 1: none. */
  readonly subgroup: number;
  /** How many invocations share a long fold at most; 1: none share any. Results have the same bits with all numbers. */
  readonly lanes: number;
  /** Whether a buffer begins on a multiple of four words, whenever the program runs. */
  readonly isAligned: IsAligned;
  /** Whether one kernel alone reads a buffer, which lives inside the program only. */
  readonly hasOneReader: (buffer: number) => boolean;
  /** How many elements a buffer has. */
  readonly sizeOf: (buffer: number) => number;
}
