import { promote } from "../define/coerce.ts";
import { composite, type Defined, define, on } from "../define/definition.ts";
import { accepted } from "../define/elementwise.ts";
import { apply, applyTuple, type Primitive } from "../define/primitive.ts";
import { routinePrimitive } from "../define/routine.ts";
import type { UnaryMethod } from "../define/signatures.ts";
import type { TypedArray } from "../dtype.ts";
import { ShapeError } from "../errors/errors.ts";
import { broadcastShapes, showShape, sizeOf } from "../shape.ts";
import type { Shape } from "../shape-types.ts";
import type { Tensor } from "../tensor.ts";
import { eye, iota } from "./creation.ts";
import * as dense from "./dense-matrices.ts";

/** Throws unless x is a square matrix or a batch of them. */
function checkSquare(x: Tensor, what: string): void {
  if (x.rank < 2 || x.shape.at(-1) !== x.shape.at(-2)) {
    throw new ShapeError(
      `${what}: expected a square matrix or a batch of them, got shape ${showShape(x.shape)}`,
    );
  }
}

/** The matrices of a batch, as windows on the same memory. */
function* matrices(data: TypedArray, shape: readonly number[]): Generator<TypedArray> {
  const size = sizeOf(shape.slice(-2));
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

/** Keeps the lower triangle, diagonal included. */
const lowerTriangle = (x: Tensor): Tensor => {
  const [m, n] = x.shape.slice(-2) as [number, number];
  return (iota([m, n], 0) as Tensor).ge(iota([m, n], 1) as Tensor).where(x, 0);
};

const choleskyPrimitive: Primitive<undefined> = routinePrimitive<undefined>(
  "cholesky",
  ([a], _, [l]) => {
    const n = a!.shape.at(-1)!;
    const results = matrices(l!.data, l!.shape);
    for (const matrix of matrices(a!.data, a!.shape))
      dense.cholesky(matrix, results.next().value as TypedArray, n);
  },
  {
    type: ([a]) => ({ shape: a!.shape, dtype: a!.dtype }),
    // Murray, "Differentiation of the Cholesky decomposition" (arXiv 1602.07527), equation 10:
    // dL = L phi(L^-1 dA L^-T), where phi keeps the lower triangle and halves the diagonal.
    jvp: ({ tangents: [da], outputs: [l] }) => {
      const half = da!.add(da!.matrixTranspose()).div(2);
      const left = triangularSolve(l!, half);
      const inner = triangularSolve(l!, left.matrixTranspose()).matrixTranspose();
      const n = inner.shape.at(-1)!;
      const diagonal = (eye(n, n, { dtype: inner.dtype }) as Tensor).mul(0.5);
      return l!.matmul(lowerTriangle(inner).sub(inner.mul(diagonal)));
    },
    batch: ({ inputs }) => apply(choleskyPrimitive, inputs, undefined),
  },
);

type KeepsShape = <S extends Shape>(a: Tensor<S>) => Tensor<S>;
type MatrixFunction = Defined<KeepsShape, UnaryMethod>;

const spd = (a: Tensor): Tensor =>
  a.matmul(a.matrixTranspose()).add(eye(a.shape.at(-2)!, undefined, { dtype: a.dtype }) as Tensor);

/**
 * The lower triangular L with `L L' = A`, for a symmetric positive definite matrix or a batch of them. Only the
 * symmetric part of A counts, to the derivative as well; NaN where A is not positive definite.
 */
export const cholesky: MatrixFunction = define(
  {
    name: "cholesky",
    family: "routine",
    primitive: choleskyPrimitive as Primitive,
    cases: [
      on([[3, 3]], (a) => cholesky(spd(a))),
      on([[2, 2, 3]], (a) => cholesky(spd(a))),
      on([[0, 0]], (a) => cholesky(a)),
    ],
    ulp: 64,
    notDifferentiable: null,
  },
  ((operand: Tensor): Tensor => {
    const [a] = accepted([operand], "float", "cholesky") as [Tensor];
    checkSquare(a, "cholesky");
    return apply(choleskyPrimitive, [a], undefined);
  }) as KeepsShape,
);

/** Which triangle of the matrix counts. */
interface Triangle {
  readonly lower: boolean;
}

/** Options of {@link triangularSolve}. */
export interface TriangularSolveOptions {
  /** Whether the lower triangle counts (the default) or the upper one. */
  readonly lower?: boolean;
}

/** Aligns a matrix and right-hand sides: float dtype, equal batch axes. */
function alignSystem(a: Tensor, b: Tensor, what: string): [Tensor, Tensor, boolean] {
  const [matrix, sides] = accepted(promote([a, b], what), "float", what) as [Tensor, Tensor];
  checkSquare(matrix, what);
  const isVector = sides.rank === 1;
  const columns = isVector ? sides.expandDims(-1) : sides;
  if (columns.shape.at(-2) !== matrix.shape.at(-1)) {
    throw new ShapeError(
      `${what}: a matrix of ${showShape(matrix.shape)} takes right-hand sides of ${matrix.shape.at(-1)} rows, ` +
        `got shape ${showShape(sides.shape)}`,
    );
  }
  const batch = broadcastShapes(matrix.shape.slice(0, -2), columns.shape.slice(0, -2), what);
  const widen = (x: Tensor) => x.broadcastTo([...batch, ...x.shape.slice(-2)]);
  return [widen(matrix), widen(columns), isVector];
}

const widenBatch = (inputs: readonly Tensor[], batched: readonly boolean[], size: number): Tensor[] =>
  inputs.map((x, i) => (batched[i] ? x : x.broadcastTo([size, ...x.shape])));

const triangularSolvePrimitive: Primitive<Triangle> = routinePrimitive<Triangle>(
  "triangularSolve",
  ([a, b], { lower }, [x]) => {
    const [n, columns] = b!.shape.slice(-2) as [number, number];
    x!.data.set(b!.data);
    const systems = matrices(a!.data, a!.shape);
    if (n * columns === 0) return;
    for (const part of matrices(x!.data, x!.shape)) {
      dense.solveTriangular(systems.next().value as TypedArray, part, n, columns, lower);
    }
  },
  {
    type: ([, b]) => ({ shape: b!.shape, dtype: b!.dtype }),
    jvp: ({ inputs: [a], tangents: [da, db], outputs: [x], attributes: { lower } }) => {
      const keep = (x: Tensor) =>
        lower ? lowerTriangle(x) : lowerTriangle(x.matrixTranspose()).matrixTranspose();
      const fromMatrix = da ? keep(da).matmul(x!).neg() : null;
      const right = fromMatrix && db ? db.add(fromMatrix) : (db ?? fromMatrix)!;
      return apply(triangularSolvePrimitive, [a!, right], { lower });
    },
    transpose: ({ cotangents, inputs: [a], attributes: { lower } }) => [
      null,
      apply(triangularSolvePrimitive, [a!.matrixTranspose(), cotangents[0]!], { lower: !lower }),
    ],
    batch: ({ inputs, batched, size, attributes }) =>
      apply(triangularSolvePrimitive, widenBatch(inputs, batched, size), attributes),
  },
);

type SystemFunction<Options extends unknown[]> = Defined<
  (a: Tensor, b: Tensor, ...options: Options) => Tensor,
  (this: Tensor, b: Tensor, ...options: Options) => Tensor
>;

const dominant = (a: Tensor): Tensor =>
  a.add((eye(a.shape.at(-1)!, undefined, { dtype: a.dtype }) as Tensor).mul(6));

/**
 * Solves `A x = b` for a triangular A; the other triangle is ignored. b is a vector or a matrix of columns; leading
 * axes are batches and broadcast. Infinite or NaN where the diagonal has a zero.
 */
export const triangularSolve: SystemFunction<[options?: TriangularSolveOptions]> = define(
  {
    name: "triangularSolve",
    family: "routine",
    primitive: triangularSolvePrimitive as Primitive,
    cases: [
      on(
        [
          [3, 3],
          [3, 2],
        ],
        (a, b) => triangularSolve(dominant(a), b),
      ),
      on([[3, 3], [3]], (a, b) => triangularSolve(dominant(a), b, { lower: false })),
      on(
        [
          [2, 3, 3],
          [3, 2],
        ],
        (a, b) => triangularSolve(dominant(a), b),
      ),
      on(
        [
          [0, 0],
          [0, 2],
        ],
        (a, b) => triangularSolve(a, b),
      ),
    ],
    ulp: 64,
    notDifferentiable: null,
  },
  (a: Tensor, b: Tensor, { lower = true }: TriangularSolveOptions = {}): Tensor => {
    const [matrix, sides, isVector] = alignSystem(a, b, "triangularSolve");
    const x = apply(triangularSolvePrimitive, [matrix, sides], { lower });
    return isVector ? x.squeeze(-1) : x;
  },
);

const solvePrimitive: Primitive<undefined> = routinePrimitive<undefined>(
  "solve",
  ([a, b], _, [x]) => {
    const [n, columns] = b!.shape.slice(-2) as [number, number];
    x!.data.set(b!.data);
    const systems = matrices(a!.data, a!.shape);
    if (n * columns === 0) return;
    for (const part of matrices(x!.data, x!.shape))
      dense.solve(systems.next().value as TypedArray, part, n, columns);
  },
  {
    type: ([, b]) => ({ shape: b!.shape, dtype: b!.dtype }),
    jvp: ({ inputs: [a], tangents: [da, db], outputs: [x] }) => {
      const fromMatrix = da ? da.matmul(x!).neg() : null;
      return apply(
        solvePrimitive,
        [a!, fromMatrix && db ? db.add(fromMatrix) : (db ?? fromMatrix)!],
        undefined,
      );
    },
    transpose: ({ cotangents, inputs: [a] }) => [
      null,
      apply(solvePrimitive, [a!.matrixTranspose(), cotangents[0]!], undefined),
    ],
    batch: ({ inputs, batched, size }) => apply(solvePrimitive, widenBatch(inputs, batched, size), undefined),
  },
);

/**
 * Solves `A x = b` by elimination with partial pivoting. b is a vector or a matrix of columns; leading axes are batches
 * and broadcast. Infinite or NaN where A is singular.
 */
export const solve: SystemFunction<[]> = define(
  {
    name: "solve",
    family: "routine",
    primitive: solvePrimitive as Primitive,
    cases: [
      on(
        [
          [3, 3],
          [3, 2],
        ],
        (a, b) => solve(dominant(a), b),
      ),
      on([[3, 3], [3]], (a, b) => solve(dominant(a), b)),
      on(
        [
          [2, 3, 3],
          [3, 1],
        ],
        (a, b) => solve(dominant(a), b),
      ),
      on(
        [
          [0, 0],
          [0, 2],
        ],
        (a, b) => solve(a, b),
      ),
    ],
    ulp: 64,
    notDifferentiable: null,
  },
  (a: Tensor, b: Tensor): Tensor => {
    const [matrix, sides, isVector] = alignSystem(a, b, "solve");
    const x = apply(solvePrimitive, [matrix, sides], undefined);
    return isVector ? x.squeeze(-1) : x;
  },
);

/** The inverse of a square matrix or of each of a batch; prefer {@link solve} where a product follows. */
export const inverse: MatrixFunction = define(
  composite(
    "inverse",
    [on([[3, 3]], (a) => inverse(dominant(a))), on([[2, 2, 2]], (a) => inverse(dominant(a)))],
    64,
  ),
  ((a: Tensor): Tensor => {
    checkSquare(a, "inverse");
    return solve(a, eye(a.shape.at(-1)!, undefined, { dtype: a.dtype }) as Tensor);
  }) as KeepsShape,
);

const eighPrimitive: Primitive<undefined> = routinePrimitive<undefined>(
  "eigh",
  ([a], _, [values, vectors]) => {
    const n = a!.shape.at(-1)!;
    if (n === 0) return;
    const results = matrices(vectors!.data, vectors!.shape);
    let at = 0;
    for (const matrix of matrices(a!.data, a!.shape)) {
      dense.eigh(matrix, values!.data.subarray(at, at + n), results.next().value as TypedArray, n);
      at += n;
    }
  },
  {
    type: ([a]) => [
      { shape: a!.shape.slice(0, -1), dtype: a!.dtype },
      { shape: a!.shape, dtype: a!.dtype },
    ],
    // Magnus, "On differentiating eigenvalues and eigenvectors" (1985): with S = V' dA V,
    // dw = diag(S) and dV = V (E o S), E_ij = 1 / (w_j - w_i) off the diagonal and 0 on it.
    jvp: ({ tangents: [da], outputs: [w, v] }) => {
      const half = da!.add(da!.matrixTranspose()).div(2);
      const s = v!.matrixTranspose().matmul(half).matmul(v!);
      const gaps = w!.expandDims(-2).sub(w!.expandDims(-1));
      const n = w!.shape.at(-1)!;
      const onDiagonal = (iota([n, n], 0) as Tensor).eq(iota([n, n], 1) as Tensor);
      const inverseGaps = onDiagonal.where(0, onDiagonal.where(1, gaps).reciprocal());
      return [onDiagonal.where(s, 0).sum(-1), v!.matmul(s.mul(inverseGaps))];
    },
    batch: ({ inputs }) => applyTuple(eighPrimitive, inputs, undefined),
  },
);

/**
 * Eigenvalues in ascending order and orthonormal eigenvectors (the columns) of a symmetric matrix or of each of a
 * batch: `A = V diag(w) V'`. Only the symmetric part of A counts. Each eigenvector's largest component is positive.
 * The derivative of eigenvectors is infinite where eigenvalues coincide.
 */
export const eigh: Defined<
  (a: Tensor) => readonly [Tensor, Tensor],
  (this: Tensor) => readonly [Tensor, Tensor]
> = define(
  {
    name: "eigh",
    family: "routine",
    primitive: eighPrimitive as Primitive,
    cases: [
      on([[3, 3]], (a) => eigh(a.add(a.matrixTranspose()).add(spread(a)))),
      on([[2, 2, 2]], (a) => eigh(a.add(a.matrixTranspose()).add(spread(a)))),
      on([[0, 0]], (a) => eigh(a)),
    ],
    ulp: 256,
    notDifferentiable: null,
  },
  (operand: Tensor): readonly [Tensor, Tensor] => {
    const [a] = accepted([operand], "float", "eigh") as [Tensor];
    checkSquare(a, "eigh");
    return applyTuple(eighPrimitive, [a], undefined) as [Tensor, Tensor];
  },
);

/** A diagonal matrix of well separated entries, so that a generated case has no equal eigenvalues. */
const spread = (a: Tensor): Tensor => {
  const n = a.shape.at(-1)!;
  return (eye(n, undefined, { dtype: a.dtype }) as Tensor).mul(
    (iota([n], 0, { dtype: a.dtype }) as Tensor).mul(20),
  );
};
