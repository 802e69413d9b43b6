import { promote, toTensor } from "../define/coerce.ts";
import { composite, type Defined, define, on } from "../define/definition.ts";
import { apply, type Primitive } from "../define/primitive.ts";
import type { MatMulFunction, MatMulMethod } from "../define/signatures.ts";
import { ShapeError } from "../errors/errors.ts";
import { broadcastShapes, range, showShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/**
 * `[...batch, m, k] x [...batch, k, n] -> [...batch, m, n]`, with equal batch axes: the one contraction that matmul and
 * einsum come down to. It stays itself under differentiation, since the adjoint of a dot is a dot.
 */
const dot: Primitive<undefined> = {
  name: "dot",
  kernel: { kind: "dot" },
  type: ([a, b]) => ({ shape: [...a!.shape.slice(0, -1), b!.shape.at(-1)!], dtype: a!.dtype }),
  jvp: ({ inputs: [a, b], tangents: [da, db] }) => {
    const left = da ? multiply(da, b!) : null;
    const right = db ? multiply(a!, db) : null;
    return left && right ? left.add(right) : (left ?? right)!;
  },
  transpose: ({ cotangents: [ct], inputs: [a, b], linear }) => [
    linear[0] ? multiply(ct!, b!.matrixTranspose()) : null,
    linear[1] ? multiply(a!.matrixTranspose(), ct!) : null,
  ],
  batch: ({ inputs, batched, size }) => {
    const [a, b] = inputs as [Tensor, Tensor];
    if (batched[0] && batched[1]) return multiply(a, b);
    // A batch on one side only is more rows or more columns of a single matrix product.
    if (batched[0] && b.rank === 2) {
      const [, m, k] = a.shape as [number, number, number];
      return multiply(a.reshape([size * m, k]), b).reshape([size, m, b.shape[1]!]);
    }
    if (batched[1] && a.rank === 2) {
      const [, k, n] = b.shape as [number, number, number];
      const columns = b.permute([1, 0, 2]).reshape([k, size * n]);
      return multiply(a, columns).reshape([a.shape[0]!, size, n]).permute([1, 0, 2]);
    }
    const align = (x: Tensor, isBatched: boolean) => (isBatched ? x : x.broadcastTo([size, ...x.shape]));
    return multiply(align(a, batched[0]!), align(b, batched[1]!));
  },
};

/** The batched matrix product of two operands with equal batch axes; of bools whether any term is true. */
export const multiply = (a: Tensor, b: Tensor): Tensor =>
  a.dtype === "bool"
    ? (apply(dot, [a.astype("int32"), b.astype("int32")], undefined).ne(0) as Tensor)
    : apply(dot, [a, b], undefined);

/**
 * The matrix product, batched over leading axes with broadcasting; a vector on the left is a row, on the right a
 * column, and its axis is dropped from the result (NumPy's rules). Of bools it is whether any product is true.
 *
 * @throws ShapeError where the inner dimensions differ or an operand is a scalar
 */
export const matmul: Defined<MatMulFunction, MatMulMethod> = define(
  {
    name: "matmul",
    family: "contraction",
    primitive: dot as Primitive,
    cases: [
      on(
        [
          [2, 3],
          [3, 4],
        ],
        (a, b) => matmul(a, b),
      ),
      on([[3], [3]], (a, b) => matmul(a, b)),
      on([[2, 3], [3]], (a, b) => matmul(a, b)),
      on(
        [
          [4, 2, 3],
          [3, 2],
        ],
        (a, b) => matmul(a, b),
      ),
      on(
        [
          [2, 1, 2, 3],
          [4, 3, 2],
        ],
        (a, b) => matmul(a, b),
      ),
      on(
        [
          [0, 3],
          [3, 2],
        ],
        (a, b) => matmul(a, b),
      ),
      on(
        [
          [2, 0],
          [0, 3],
        ],
        (a, b) => matmul(a, b),
      ),
    ],
    ulp: 4,
    notDifferentiable: null,
  },
  ((left: Tensor, right: Tensor): Tensor => {
    const [a, b] = promote([toTensor(left, "matmul"), toTensor(right, "matmul")], "matmul") as [
      Tensor,
      Tensor,
    ];
    if (a.rank === 0 || b.rank === 0) {
      throw new ShapeError(
        `matmul: expected at least one axis, got ${showShape(a.shape)} and ${showShape(b.shape)}; use mul`,
      );
    }
    const row = a.rank === 1 ? a.reshape([1, a.shape[0]!]) : a;
    const column = b.rank === 1 ? b.reshape([b.shape[0]!, 1]) : b;
    const inner = row.shape.at(-1)!;
    if (inner !== column.shape.at(-2)) {
      throw new ShapeError(
        `matmul: cannot multiply ${showShape(a.shape)} by ${showShape(b.shape)}: the inner dimensions are ${inner} and ` +
          `${column.shape.at(-2)} and must agree`,
      );
    }
    const batch = broadcastShapes(row.shape.slice(0, -2), column.shape.slice(0, -2), "matmul");
    const product =
      column.rank === 2 && row.rank > 2
        ? multiply(row.reshape([sizeOf(batch) * row.shape.at(-2)!, inner]), column)
        : multiply(
            row.broadcastTo([...batch, ...row.shape.slice(-2)]),
            column.broadcastTo([...batch, ...column.shape.slice(-2)]),
          );
    const rows = a.rank === 1 ? [] : [row.shape.at(-2)!];
    const columns = b.rank === 1 ? [] : [column.shape.at(-1)!];
    return product.reshape([...batch, ...rows, ...columns]);
  }) as unknown as MatMulFunction,
);

/** The outer product of two vectors. */
export const outer: Defined<(a: Tensor, b: Tensor) => Tensor, (this: Tensor, b: Tensor) => Tensor> = define(
  composite("outer", [on([[2], [3]], (a, b) => outer(a, b)), on([[0], [3]], (a, b) => outer(a, b))], 1),
  (a: Tensor, b: Tensor): Tensor => {
    if (a.rank !== 1 || b.rank !== 1) {
      throw new ShapeError(
        `outer: expected two vectors, got ${showShape(a.shape)} and ${showShape(b.shape)}`,
      );
    }
    return a.reshape([a.shape[0]!, 1]).mul(b);
  },
);

/** The diagonal of a matrix or of each matrix of a batch. */
export const diagonal: Defined<(x: Tensor) => Tensor, (this: Tensor) => Tensor> = define(
  composite("diagonal", [on([[3, 3]], (x) => diagonal(x)), on([[2, 2, 3]], (x) => diagonal(x))]),
  (x: Tensor): Tensor => {
    if (x.rank < 2) throw new ShapeError(`diagonal: expected at least two axes, got ${showShape(x.shape)}`);
    const [m, n] = x.shape.slice(-2) as [number, number];
    const k = Math.min(m, n);
    // The diagonal stands k + 1 apart in the rows of the square part, flattened.
    const square = x.slice(...range(0, x.rank - 2).map(() => null), [0, k], [0, k]);
    const flat = square.reshape([...x.shape.slice(0, -2), k * k]);
    return k === 0 ? flat : flat.slice(...range(0, x.rank - 2).map(() => null), [0, k * k, k + 1]);
  },
);
