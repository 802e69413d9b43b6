import type { Expression } from "../compile/kernel.ts";
import type { KernelBuilder } from "../compile/kernel-builder.ts";
import { broadcast } from "../define/coerce.ts";
import { type DefinedFunction, defineFunction, integers, type Operand } from "../define/definition.ts";
import { elementwisePrimitive } from "../define/elementwise.ts";
import { apply, type Primitive } from "../define/primitive.ts";
import { DTypeError } from "../errors/errors.ts";
import type { Tensor } from "../tensor.ts";

/** Which of the two 32-bit words of a block is wanted. */
export type Word = 0 | 1;

interface Selected {
  readonly word: Word;
}

/** The constant of Skein's key schedule that keeps a zero key from cancelling, C240 cut to 32 bits. */
const parity = 0x1bd11bda;

/** How far the second word is turned in each of four rounds, alternately. */
const rotations = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;

/**
 * One word of the Threefry-2x32 block cipher with 20 rounds: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as
 * easy as 1, 2, 3" (2011), section 4.2. Four rounds of add, rotate, exclusive or; then the next two of three key words
 * and the number of the injection are added. All sums wrap modulo 2^32.
 */
function threefry(word: Word, k0: number, k1: number, c0: number, c1: number): number {
  const schedule = [k0, k1, k0 ^ k1 ^ parity] as const;
  let x = (c0 + k0) | 0;
  let y = (c1 + k1) | 0;
  for (let injection = 1; injection <= 5; injection++) {
    for (const places of rotations[(injection - 1) % 2]!) {
      x = (x + y) | 0;
      y = ((y << places) | (y >>> (32 - places))) ^ x;
    }
    x = (x + schedule[injection % 3]!) | 0;
    y = (y + schedule[(injection + 1) % 3]! + injection) | 0;
  }
  return (word === 0 ? x : y) >>> 0;
}

/** The same in kernel instructions, its rounds unrolled. */
function lowerThreefry(k: KernelBuilder, word: Word, operands: readonly Expression[]): Expression {
  const [k0, k1, c0, c1] = operands as [Expression, Expression, Expression, Expression];
  const constant = (value: number) => k.constant(value, k0);
  const schedule = [k0, k1, k.xor(k.xor(k0, k1), constant(parity))] as const;
  let x = k.add(c0, k0);
  let y = k.add(c1, k1);
  for (let injection = 1; injection <= 5; injection++) {
    for (const places of rotations[(injection - 1) % 2]!) {
      x = k.add(x, y);
      y = k.xor(k.or(k.shl(y, constant(places)), k.shr(y, constant(32 - places))), x);
    }
    x = k.add(x, schedule[injection % 3]!);
    y = k.add(k.add(y, schedule[(injection + 1) % 3]!), constant(injection));
  }
  return word === 0 ? x : y;
}

const threefryPrimitive: Primitive<Selected> = elementwisePrimitive<Selected>("threefry2x32", {
  scalar:
    ({ word }) =>
    (k0, k1, c0, c1) =>
      threefry(word, k0!, k1!, c0!, c1!),
  result: (_, dtype) => dtype,
  lower:
    ({ word }) =>
    (k, ...operands) =>
      lowerThreefry(k, word, operands),
  jvp: { notDifferentiable: "its result is an integer" },
});

type ThreefryFunction = (k0: Tensor, k1: Tensor, c0: Tensor, c1: Tensor, word: Word) => Tensor;

const operandsOf = (...shapes: (readonly number[])[]): Operand[] =>
  shapes.map((shape) => ({ shape, domain: integers(0, 2 ** 32 - 1), dtype: "uint32" }));

/**
 * One word of the block that Threefry-2x32 makes of the counter (c0, c1) under the key (k0, k1), elementwise with
 * broadcasting: the source of all random bits. All operands and the result are uint32.
 *
 * @throws DTypeError where an operand is not uint32
 */
export const threefry2x32: DefinedFunction<ThreefryFunction> = defineFunction(
  {
    name: "threefry2x32",
    family: "elementwise",
    primitive: threefryPrimitive as Primitive,
    cases: [
      {
        operands: operandsOf([5], [5], [5], [5]),
        call: (k0, k1, c0, c1) => threefry2x32(k0, k1, c0, c1, 0),
      },
      { operands: operandsOf([], [], [], []), call: (k0, k1, c0, c1) => threefry2x32(k0, k1, c0, c1, 1) },
      {
        operands: operandsOf([2, 1], [], [3], [2, 3]),
        call: (k0, k1, c0, c1) => threefry2x32(k0, k1, c0, c1, 1),
      },
    ],
    ulp: 0,
    notDifferentiable: "its result is an integer",
  },
  (k0: Tensor, k1: Tensor, c0: Tensor, c1: Tensor, word: Word): Tensor => {
    const operands = [k0, k1, c0, c1];
    for (const { dtype } of operands) {
      if (dtype !== "uint32") {
        throw new DTypeError(
          `threefry2x32: expected uint32 operands, got ${dtype}; write x.astype("uint32")`,
        );
      }
    }
    return apply(threefryPrimitive, broadcast(operands, "threefry2x32"), { word });
  },
);
