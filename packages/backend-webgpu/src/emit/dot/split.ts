import { fromWord, toWord } from "../scope.ts";
import { gridOf, groupNumber, type Shader } from "../shader.ts";
import { ownMemory, type TableLayout } from "../table.ts";
import { Code } from "./code.ts";
import { shaderText } from "./shader-text.ts";
import type { ProductType, Target } from "./target.ts";

/** How the sum over k is cut into pieces that are computed side by side and then added in their order. */
export interface Split {
  readonly pieces: number;
  /** Elements of each but the last. */
  readonly length: number;
}

export const whole = (k: number): Split => ({ pieces: 1, length: k });

/** At most so many pieces of at least so many elements. */
export function splitInto(most: number, k: number, shortest: number, multiple: number): Split {
  const wanted = Math.max(1, Math.min(most, Math.floor(k / shortest)));
  const length = Math.ceil(k / wanted / multiple) * multiple;
  return { pieces: Math.max(1, Math.ceil(k / length)), length };
}

/** Below so many tiles of 64 by 64 a product leaves most of a GPU without work, unless k is cut. */
const fewTiles = 64;

/** How the k of a tiled product is cut, into multiples of so many elements. */
export function splitOfTiles(
  { m, n, k }: { readonly m: number; readonly n: number; readonly k: number },
  matrices: number,
  multiple: number = 16,
): Split {
  const tiles = Math.ceil(m / 64) * Math.ceil(n / 64) * matrices;
  if (tiles >= fewTiles || k < 512) return whole(k);
  return splitInto(Math.ceil((2 * fewTiles) / tiles), k, 256, multiple);
}

/** A product whose sum over k was cut. */
interface CutProduct {
  readonly type: ProductType;
  readonly matrices: number;
  readonly m: number;
  readonly n: number;
  readonly split: Split;
  readonly target: Target;
  readonly table: TableLayout;
}

const invocations = 64;

/** Adds the pieces, which stand one after the other in the kernel's own memory, each as dense as it can be. */
export function addPieces({ type, matrices, m, n, split, target, table }: CutProduct): Shader {
  const elements = matrices * m * n;
  const piece = (at: string): string => fromWord(`heap[${ownMemory} + ${at}]`, type);
  const code = new Code();
  code.line(
    `let place = i32(${groupNumber} * ${invocations}u + lane);`,
    `if (place >= ${elements}) { return; }`,
    `let matrix = place / ${m * n};`,
    `var sum = ${piece("place")};`,
  );
  code.block(`for (var piece = 1; piece < ${split.pieces}; piece++)`, () =>
    code.line(`sum += ${piece(`piece * ${elements} + place`)};`),
  );
  target.begin(code);
  target.place(code, "to0", `place % ${n}`, true);
  const at = target.at("to0", 0, `place / ${n} % ${m}`);
  code.guarded(target.has("to0", 0, true), `heap[${at}] = ${toWord("sum", type)};`);
  return {
    text: shaderText({ lines: code.lines, table, invocations }),
    groups: gridOf(Math.ceil(elements / invocations)),
  };
}
