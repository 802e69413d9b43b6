import { type Definition, type DType, jvp, type Tensor, tensor, zeros } from "@amari/core";
import { expectClose } from "../expect-close.ts";
import { operandDType } from "../sample.ts";
import { type GeneratedLaw, isDifferentiable, isFloat, require, resultsOf, typesOf } from "./law.ts";

const floats: readonly number[] = [
  Number.NaN,
  Infinity,
  -Infinity,
  0,
  -0,
  1,
  -1,
  0.5,
  -1.5,
  3e38,
  -3e38,
  1e-45,
  -1e-45,
];

/** The largest and the smallest of float16 stand for those of float32. */
const halves: readonly number[] = floats.map((x) => {
  if (Number.isFinite(x) && Math.abs(x) > 65504) return Math.sign(x) * 65504;
  return x !== 0 && Math.abs(x) < 2 ** -24 ? Math.sign(x) * 2 ** -24 : x;
});

const integers: readonly number[] = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 31, 32];

const unsigned: readonly number[] = [0, 1, 31, 32, 2 ** 31, 2 ** 32 - 1];

/** Values of a dtype at which kernels go wrong. */
export function valuesOf(dtype: DType): readonly number[] {
  switch (dtype) {
    case "bool":
      return [0, 1];
    case "int32":
      return integers;
    case "uint32":
      return unsigned;
    case "float16":
      return halves;
    case "float32":
    case "float64":
      return floats;
  }
}

/** Every combination of special values: one list for each operand. */
export function combinations(lists: readonly (readonly number[])[]): number[][] {
  const rows = lists.reduce<number[][]>(
    (rows, list) => rows.flatMap((row) => list.map((value) => [...row, value])),
    [[]],
  );
  return lists.map((_, i) => rows.map((row) => row[i]!));
}

/** The special values as operands of the first case, as vectors. */
function specialOperands(operation: Definition, narrow: boolean): Tensor[] {
  const types = operation.cases[0]!.operands.map(operandDType).map((dtype) =>
    narrow && dtype === "float64" ? ("float32" as const) : dtype,
  );
  const columns = combinations(types.map(valuesOf));
  return columns.map((column, i) => {
    const dtype = types[i]!;
    return tensor(column, { shape: [column.length], dtype }) as Tensor;
  });
}

const isElementwise = ({ family, cases }: Definition): boolean =>
  family === "elementwise" && cases.length > 0;

/**
 * At each place the answer of the scalar definition, rounded once, for all combinations of special values, within the
 * operation's ulp. NaN, infinities and the signs of zeros are exact.
 */
export const scalarLaw: GeneratedLaw = {
  name: "NaN, infinity and -0 give the scalar definition's answer",
  appliesTo: (operation) => isElementwise(operation) && operation.primitive?.kernel.kind === "elementwise",
  check: (operation) => {
    for (const narrow of [false, true]) {
      const operands = specialOperands(operation, narrow);
      const result = operation.cases[0]!.call(...operands) as Tensor;
      const { kernel } = result.node.operation;
      require(kernel.kind === "elementwise" &&
        result.node.operation ===
          operation.primitive, `${operation.name}: the first case does not apply ${operation.name} itself`);
      if (kernel.kind !== "elementwise") return;
      const scalar = kernel.scalar(result.node.attributes as never, operands.at(-1)!.dtype);
      const columns = operands.map((x) => x.dataSync());
      const got = result.dataSync();
      const expected = got.map((_, i) => scalar(...columns.map((column) => column[i]!)));
      // `map` of a typed array rounds to its type, which is the dtype of the result.
      expectClose(result, expected, {
        ulp: operation.ulp,
        signedZeros: true,
        what: `${operation.name} of special values`,
      });
    }
  },
};

/** A derivative that is NaN or infinite at one place stays there. */
export const derivativeIsolationLaw: GeneratedLaw = {
  name: "a NaN in the derivative stays in its place",
  appliesTo: (operation) => isElementwise(operation) && isDifferentiable(operation, operation.cases[0]!),
  check: (operation) => {
    const { call } = operation.cases[0]!;
    const operands = specialOperands(operation, false);
    const chosen = operands.filter(isFloat);
    const at = (list: readonly Tensor[], rest: readonly Tensor[]) => {
      let next = 0;
      const f = (...x: Tensor[]): Tensor =>
        call(...rest.map((operand) => (isFloat(operand) ? x[next++]! : operand))) as Tensor;
      const ones = list.map((x) => x.mul(0).eq(0).where(1, 1).astype(x.dtype) as Tensor);
      return jvp(f, [...list], ones)[1];
    };
    const together = at(chosen, operands);
    for (let i = 0; i < together.size; i += Math.max(1, Math.floor(together.size / 40))) {
      const one = (list: readonly Tensor[]) => list.map((x) => x.slice([i, i + 1]).realise());
      expectClose(together.slice([i, i + 1]), at(one(chosen), one(operands)), {
        signedZeros: true,
        what: `${operation.name}: the derivative at place ${i} of special values`,
      });
    }
  },
};

/** Elementwise operations on shapes without elements; other operations have cases of their own for that. */
export const emptyShapeLaw: GeneratedLaw = {
  name: "shapes without elements give results without elements",
  appliesTo: isElementwise,
  check: (operation) => {
    const { operands, call } = operation.cases[0]!;
    const empties: readonly (readonly number[])[] = [[0], [2, 0], [0, 3]];
    for (const shape of empties) {
      const all = operands.map((o) => zeros(shape, { dtype: operandDType(o) }) as Tensor);
      const one = operands.map((o, i) => zeros(i === 0 ? shape : [1], { dtype: operandDType(o) }) as Tensor);
      for (const list of [all, one]) {
        const result = call(...list) as Tensor;
        require(result.shape.join() === shape.join() &&
          result.dataSync().length ===
            0, `${operation.name}: expected the shape [${shape.join(", ")}], got [${result.shape.join(", ")}]`);
      }
    }
  },
};

/** Each case again with tensors of the same values: results have the same types and values every time. */
export const repeatableLaw: GeneratedLaw = {
  name: "results have the types that were announced",
  appliesTo: ({ cases }) => cases.length > 0,
  check: (operation) => {
    for (const c of operation.cases) {
      typesOf(c).forEach((result) => {
        const { size, shape } = result;
        const data = result.dataSync();
        require(data.length ===
          size, `${operation.name}: shape [${shape.join(", ")}] was announced, ${data.length} elements came`);
      });
      resultsOf(
        c,
        c.operands.map((o) => zeros(o.shape, { dtype: operandDType(o) }) as Tensor),
      ).forEach((x) => {
        require(x.dataSync().length === x.size, `${operation.name} of zeros lacks elements`);
      });
    }
  },
};
