import { referenceBackend } from "@amari/backend-reference";
import * as amari from "@amari/core";
import {
  AmariError,
  ArgumentError,
  AxisError,
  BackendError,
  concat,
  cond,
  DisposedError,
  DTypeError,
  einsum,
  foriLoop,
  GradientError,
  getDefaultBackend,
  grad,
  hessian,
  jit,
  jvp,
  map,
  mapTrees,
  PlaceholderError,
  ShapeError,
  scan,
  setDefaultBackend,
  stack,
  type Tensor,
  TreeError,
  tensor,
  vjp,
  vmap,
  whileLoop,
  zeros,
} from "@amari/core";
import { describe, expect, it } from "vitest";
import { f64, i32 } from "./support.ts";

/** What a message must hold: what was expected, what came, what to write instead. */
type Parts = readonly (string | RegExp)[];
type Row = [what: string, act: () => unknown, error: new (...args: never[]) => AmariError, parts: Parts];

/** Calls with arguments that the compiler would refuse. */
const loosely = (f: unknown) => f as (...args: unknown[]) => any;

const [a23, a32, v3] = [zeros([2, 3]) as Tensor, zeros([3, 2]) as Tensor, zeros([3]) as Tensor];

const shapes: Row[] = [
  [
    "adding shapes that do not broadcast",
    () => a23.add(a32),
    ShapeError,
    ["add", "[2, 3]", "[3, 2]", "equal or 1", "reshape"],
  ],
  [
    "matmul of the wrong inner dimensions",
    () => a23.matmul(a23),
    ShapeError,
    ["matmul", "[2, 3] by [2, 3]", "3 and 2", "must agree"],
  ],
  ["matmul with a scalar", () => a23.matmul(f64(1)), ShapeError, ["at least one axis", "[]", "use mul"]],
  [
    "reshape to another size",
    () => a23.reshape([4]),
    ShapeError,
    ["[2, 3] has 6 elements", "[4] has 4", "-1"],
  ],
  [
    "reshape with two unknowns",
    () => loosely(amari.reshape)(a23, [-1, -1]),
    ShapeError,
    ["at most one", "[-1, -1]"],
  ],
  [
    "reshape that does not divide",
    () => loosely(amari.reshape)(a23, [4, -1]),
    ShapeError,
    ["6 elements", "do not divide"],
  ],
  [
    "broadcastTo a smaller shape",
    () => loosely(amari.broadcastTo)(a23, [3]),
    ShapeError,
    ["[2, 3]", "[3]", "only axes of size 1"],
  ],
  [
    "concat of unequal rows",
    () => concat([a23, a32]),
    ShapeError,
    ["[3, 2]", "[2, 3]", "all other dimensions"],
  ],
  ["concat of scalars", () => concat([f64(1), f64(2)]), ShapeError, ["scalars have no axis", "use stack"]],
  ["stack of unequal shapes", () => stack([a23, a32]), ShapeError, ["equal shapes", "[2, 3]", "[3, 2]"]],
  [
    "squeeze of an axis that is not 1",
    () => loosely(amari.squeeze)(a23, 0),
    ShapeError,
    ["axis 0", "[2, 3]", "size 2"],
  ],
  ["cholesky of a rectangle", () => a23.cholesky(), ShapeError, ["square matrix", "[2, 3]"]],
  [
    "solve with too few rows",
    () =>
      f64([
        [1, 0],
        [0, 1],
      ]).solve(v3),
    ShapeError,
    ["[2, 2]", "2 rows", "[3]"],
  ],
  ["outer of matrices", () => a23.outer(v3), ShapeError, ["two vectors", "[2, 3]"]],
  ["einsum with unequal sizes", () => einsum("ij,jk->ik", a23, a23), ShapeError, ["axis j", "3 and 2"]],
  ["einsum with too few labels", () => einsum("i->i", a23), ShapeError, ['"i"', "[2, 3]"]],
  [
    "takeAlongAxis with other axes unequal",
    () => a23.takeAlongAxis(i32([[0]]), 1),
    ShapeError,
    ["[2, 3]", "[1, 1]", "agree"],
  ],
  [
    "ragged arrays",
    () => loosely(tensor)([[1, 2], [3]]),
    ShapeError,
    ["ragged", "depth 1", "an array of 2", "an array of 1"],
  ],
  ["a number among arrays", () => loosely(tensor)([[1], 2]), ShapeError, ["ragged", "a number at depth 1"]],
  [
    "data that does not fill its shape",
    () => tensor([1, 2, 3], { shape: [2, 2] }),
    ShapeError,
    ["3 elements", "[2, 2]"],
  ],
  ["a negative dimension", () => zeros([-1]), ShapeError, ["non-negative integers", "[-1]"]],
  ["a fractional dimension", () => zeros([1.5]), ShapeError, ["non-negative integers", "[1.5]"]],
  ["2^31 zeros", () => zeros([2 ** 16, 2 ** 15]), ShapeError, ["2147483648 elements", "at most 2147483647"]],
  [
    "2^31 elements by broadcasting",
    () => (zeros([2 ** 16, 1]) as Tensor).add(zeros([2 ** 15]) as Tensor),
    ShapeError,
    ["at most"],
  ],
  [
    "2^31 elements by concat",
    () => concat([zeros([2 ** 30]), zeros([2 ** 30])] as Tensor[]),
    ShapeError,
    ["at most"],
  ],
  ["2^31 elements by pad", () => v3.pad([[2 ** 31, 0]]), ShapeError, ["at most"]],
  [
    "2^31 elements by a product",
    () => (zeros([2 ** 16, 1]) as Tensor).matmul(zeros([1, 2 ** 15]) as Tensor),
    ShapeError,
    ["at most"],
  ],
];

const axes: Row[] = [
  [
    "a sum over an axis too far",
    () => loosely(amari.sum)(a23, 2),
    AxisError,
    ["sum", "axis 2", "rank 2", "from -2 to 1"],
  ],
  [
    "a sum over an axis of a scalar",
    () => loosely(amari.sum)(f64(1), 0),
    AxisError,
    ["a scalar has no axes"],
  ],
  ["an axis named twice", () => loosely(amari.sum)(a23, [0, -2]), AxisError, ["same axis twice"]],
  ["a fractional axis", () => loosely(amari.max)(a23, 0.5), AxisError, ["0.5", "expected an integer"]],
  [
    "permute without an axis",
    () => loosely(amari.permute)(a23, [0, 0]),
    AxisError,
    ["each of the 2 axes", "[0, 0]"],
  ],
  ["an index out of range", () => v3.slice(3), AxisError, ["index 3", "axis 0 of size 3"]],
  ["too many slice entries", () => v3.slice(0, 0), AxisError, ["2 entries", "1 axes"]],
  ["iota along no axis", () => amari.iota([2], 1), AxisError, ["iota", "axis 1"]],
  ["vmap over a scalar", () => loosely(vmap((x: Tensor) => x))(f64(1)), AxisError, ["a scalar", "null"]],
];

const dtypes: Row[] = [
  [
    "a fraction with an integer tensor",
    () => i32([1]).add(0.5),
    DTypeError,
    ["0.5", "int32", 'astype("float32")'],
  ],
  [
    "a number too large for an integer tensor",
    () => i32([1]).lt(1e10),
    DTypeError,
    ["10000000000", "out of the range of int32", "astype"],
  ],
  [
    "a negative number with uint32",
    () => tensor([1], { dtype: "uint32" }).add(-1),
    DTypeError,
    ["-1", "uint32"],
  ],
  [
    "an integer tensor filled with a fraction",
    () => amari.full([2], 1.5, { dtype: "int32" }),
    DTypeError,
    ["1.5", "int32"],
  ],
  [
    "integer data with a fraction",
    () => tensor([1, 1.5], { dtype: "int32" }),
    DTypeError,
    ["element 1", "1.5", "int32", "float dtype"],
  ],
  [
    "a dtype that does not exist",
    () => loosely(zeros)([2], { dtype: "float16x" }),
    DTypeError,
    ["one of float64, float32", '"float16x"'],
  ],
  [
    "bytes without a dtype",
    () => loosely(tensor)(new Uint8Array(2)),
    DTypeError,
    ["Uint8Array", 'dtype: "bool"'],
  ],
  ["logicalAnd of numbers", () => v3.logicalAnd(v3), DTypeError, ["bool", "float32", "x.gt(0)"]],
  ["bitwiseAnd of floats", () => v3.bitwiseAnd(v3), DTypeError, ["integer", "float32", 'astype("int32")']],
  [
    "where with a numeric condition",
    () => v3.where(1, 2),
    DTypeError,
    ["bool condition", "float32", "condition.ne(0)"],
  ],
  [
    "take with float indices",
    () => v3.take(v3),
    DTypeError,
    ["int32 or uint32", "float32", 'astype("int32")'],
  ],
  ["oneHot of floats", () => v3.oneHot(3), DTypeError, ["oneHot", "float32"]],
];

const trees: Row[] = [
  [
    "trees of different keys",
    () => mapTrees((x) => x, { a: v3 }, { b: v3 }),
    TreeError,
    ["mapTrees", "expected {a: T}", "got      {b: T}", "same keys"],
  ],
  [
    "a class instance in a tree",
    () => grad(loosely((p: Tensor) => p))({ at: new Date() }),
    TreeError,
    ["a Date", ".at", "plain objects"],
  ],
  [
    "a typed array in a tree",
    () => jit((x: unknown) => x as Tensor)([new Float32Array(2)]),
    TreeError,
    ["Float32Array", "[0]", "tensor(...)"],
  ],
  [
    "a cotangent of another structure",
    () => loosely(vjp((x: Tensor) => ({ y: x }), f64(1))[1])(f64(1)),
    TreeError,
    ["pullback", "{y: T}", "T"],
  ],
  [
    "a tangent that is missing",
    () => loosely(jvp)((x: Tensor) => x, [f64(1)], []),
    TreeError,
    ["expected T", "undefined"],
  ],
];

const gradients: Row[] = [
  [
    "grad of a vector",
    () => grad((x: Tensor) => x)(v3),
    GradientError,
    ["scalar", "[3]", "sum() or mean()", "jacrev"],
  ],
  [
    "grad of an integer",
    () => grad((x: Tensor) => x.argmax() as Tensor)(v3),
    GradientError,
    ["a float", "int32"],
  ],
  ["grad of a number", () => loosely(grad(loosely(() => 3)))(v3), GradientError, ["scalar tensor", "number"]],
  [
    "grad of a pair without hasAux",
    () => loosely(grad(loosely((x: Tensor) => [x.sum(), x])))(v3),
    GradientError,
    ["an array", "hasAux: true"],
  ],
  [
    "grad by an integer tensor",
    () => grad((x: Tensor) => x.sum() as Tensor)(i32([1])),
    GradientError,
    ["int32[1]", 'astype("float32")', "argnums"],
  ],
  ["grad by a number", () => loosely(grad((x: Tensor) => x))(3), GradientError, ["no tensor", "tensor(...)"]],
  ["a Hessian by integers", () => hessian((x: Tensor) => x.sum())(i32([1])), GradientError, ["int32"]],
];

let leaked: Tensor;
const leak = (): Tensor => {
  loosely(vmap((x: Tensor) => (leaked = x.mul(2))))(f64([1, 2]));
  return leaked;
};
const placeholders: Row[] = [
  [
    "reading inside vmap",
    () => loosely(vmap((x: Tensor) => x.mul(x.itemSync())))(f64([1, 2])),
    PlaceholderError,
    ["inside vmap", "has no value yet", "where(condition, a, b)"],
  ],
  [
    "reading inside jit",
    () => jit((x: Tensor) => (x.sum().itemSync() > 0 ? x : x.neg()))(v3),
    PlaceholderError,
    ["inside jit", "static"],
  ],
  [
    "reading inside jit inside grad",
    () => grad((x: Tensor) => jit((y: Tensor) => y.mul(y.itemSync()))(x))(f64(1)),
    PlaceholderError,
    ["inside jit"],
  ],
  [
    "a placeholder that leaked, read",
    () => leak().dataSync(),
    PlaceholderError,
    ["shape []", "escaped from a call of vmap", "Return it"],
  ],
  [
    "a placeholder that leaked, computed with",
    () => leak().add(f64(1)).dataSync(),
    PlaceholderError,
    ["escaped from a call of vmap"],
  ],
  [
    "a placeholder that leaked into jit",
    () => {
      const escaped = leak();
      return jit((x: Tensor) => x.add(escaped))(f64(1));
    },
    PlaceholderError,
    ["escaped from a call of vmap", "return it"],
  ],
  [
    "a placeholder that leaked into grad",
    () => {
      const escaped = leak();
      return grad((x: Tensor) => x.mul(escaped))(f64(1)).dataSync();
    },
    PlaceholderError,
    ["escaped from a call of vmap"],
  ],
  [
    "arithmetic by JavaScript's operators",
    () => (v3 as unknown as number) + 1,
    PlaceholderError,
    ["used as a number", "x.add(y)"],
  ],
];

const arguments_: Row[] = [
  [
    "grad of no function",
    () => loosely(grad)(3)(v3),
    ArgumentError,
    ["grad: expected a function", "number", "grad(f)(x)"],
  ],
  ["vmap of a tensor", () => loosely(vmap)(v3), ArgumentError, ["expected a function", "a tensor"]],
  ["jit of nothing", () => loosely(jit)(), ArgumentError, ["expected a function", "undefined"]],
  [
    "argnums out of range",
    () => grad((x: Tensor) => x, { argnums: 2 as 0 })(f64(1)),
    ArgumentError,
    ["argument 2", "1 arguments"],
  ],
  [
    "an async function in vmap",
    () => loosely(vmap(async (x: Tensor) => x))(v3),
    ArgumentError,
    ["vmap", "promise", "synchronous"],
  ],
  [
    "an async function in jit",
    () => loosely(jit(async (x: Tensor) => x))(v3),
    ArgumentError,
    ["jit", "promise", "synchronous"],
  ],
  [
    "batches of different sizes",
    () => loosely(vmap((x: Tensor, y: Tensor) => x.add(y)))(a23, v3),
    ArgumentError,
    ["batch sizes differ", "3", "2", "inAxes"],
  ],
  [
    "vmap over nothing",
    () => loosely(vmap((x: Tensor) => x, { inAxes: null }))(v3),
    ArgumentError,
    ["no argument is mapped", "inAxes"],
  ],
  [
    "outAxes null for a batch",
    () => loosely(vmap((x: Tensor) => x, { outAxes: null }))(v3),
    ArgumentError,
    ["outAxes is null"],
  ],
  [
    "an array as an operand",
    () => loosely(amari.add)([1], 2),
    ArgumentError,
    ["add", "an array", "tensor(...)"],
  ],
  ["null as an operand", () => loosely(amari.mul)(v3, null), ArgumentError, ["mul", "null"]],
  ["strings as data", () => loosely(tensor)(["a"]), ArgumentError, ["numbers or booleans", "string"]],
  ["item of a vector", () => v3.itemSync(), ArgumentError, ["one element", "[3]", "array()"]],
  ["max of nothing", () => tensor([]).max(), ArgumentError, ["max", "[0]", "no elements", "-Infinity"]],
  ["argmax of nothing", () => tensor([]).argmax(), ArgumentError, ["argmax", "empty"]],
  ["a slice that runs backwards", () => v3.slice([2, 0, -1]), ArgumentError, ["step >= 1", "[2, 0, -1]"]],
  [
    "pad without a width for each axis",
    () => a23.pad([[1, 1]]),
    ArgumentError,
    ["each of the 2 axes", "[[1,1]]"],
  ],
  ["malformed subscripts", () => loosely(einsum)("ij->->", a23), ArgumentError, ['"ij,jk->ik"', '"ij->->"']],
  [
    "subscripts for another number of operands",
    () => loosely(einsum)("ij,jk->ik", a23),
    ArgumentError,
    ["names 2 operands", "got 1"],
  ],
  ["a result axis from nowhere", () => loosely(einsum)("ij->ik", a23), ArgumentError, ["axis k"]],
  ["concat of nothing", () => concat([]), ArgumentError, ["at least one tensor"]],
  ["a range without end", () => amari.arange(Infinity), ArgumentError, ["finite numbers", "Infinity"]],
  [
    "a cotangent of another shape",
    () => vjp((x: Tensor) => x, v3)[1](f64(1)),
    ArgumentError,
    ["cotangent 0", "float32[3]", "float64[]"],
  ],
  [
    "a tangent of another dtype",
    () => jvp((x: Tensor) => x, [v3], [f64([1, 2, 3])]),
    ArgumentError,
    ["tangent 0", "float32[3]", "float64[3]"],
  ],
];

const disposed = (): Tensor => {
  const x = f64([1, 2]);
  x.dispose();
  return x;
};
const disposals: Row[] = [
  ["reading after dispose", () => disposed().dataSync(), DisposedError, ["shape [2]", "after dispose()"]],
  ["computing after dispose", () => disposed().add(1), DisposedError, ["after dispose()"]],
  [
    "differentiating by what was disposed of",
    () => grad((x: Tensor) => x.sum() as Tensor)(disposed()),
    DisposedError,
    ["after dispose()"],
  ],
  [
    "mapping over what was disposed of",
    () => loosely(vmap((x: Tensor) => x))(disposed()),
    DisposedError,
    ["after dispose()"],
  ],
];

const yes = tensor(true) as Tensor;
const less = (x: Tensor) => x.sum().lt(10) as Tensor;
const controlFlow: Row[] = [
  [
    "a branch on a vector",
    () =>
      cond(
        v3.gt(0),
        () => v3,
        () => v3,
      ),
    ShapeError,
    ["cond", "bool scalar", "[3]", "all()", "where"],
  ],
  [
    "a branch on a float",
    () =>
      cond(
        f64(1),
        () => v3,
        () => v3,
      ),
    DTypeError,
    ["cond", "float64[]", "x.ne(0)"],
  ],
  [
    "a branch on a number",
    () =>
      loosely(cond)(
        1,
        () => v3,
        () => v3,
      ),
    ArgumentError,
    ["cond", "bool scalar tensor", "number", "x.gt(0)"],
  ],
  [
    "a branch that is no function",
    () => loosely(cond)(yes, v3, () => v3),
    ArgumentError,
    ["cond", "a tensor"],
  ],
  [
    "branches of different structures",
    () =>
      loosely(cond)(
        yes,
        () => ({ a: v3 }),
        () => ({ b: v3 }),
      ),
    TreeError,
    ["onTrue  {a: T}", "onFalse {b: T}", "same keys"],
  ],
  [
    "branches that return different numbers",
    () =>
      cond(
        yes,
        () => 1,
        () => 2,
      ),
    TreeError,
    ["onTrue  1", "onFalse 2", "tensor(...)"],
  ],
  [
    "branches of different types",
    () =>
      cond(
        yes,
        () => ({ a: [v3, v3] }),
        () => ({ a: [v3, f64([1, 2, 3])] }),
      ),
    ArgumentError,
    ["at .a[1]", "float32[3] from onTrue", "float64[3] from onFalse", "astype"],
  ],
  [
    "an async branch",
    () =>
      loosely(cond)(
        yes,
        async () => v3,
        () => v3,
      ),
    ArgumentError,
    ["cond", "synchronous"],
  ],
  [
    "a branch that reads its operand",
    () =>
      cond(
        yes,
        (x: Tensor) => f64(x.itemSync()),
        (x: Tensor) => x,
        f64(1),
      ),
    PlaceholderError,
    ["inside cond", "where(condition"],
  ],
  [
    "a loop whose condition is a vector",
    () =>
      whileLoop(
        (x: Tensor) => x.lt(1) as Tensor,
        (x: Tensor) => x,
        v3,
      ),
    ShapeError,
    ["whileLoop: the condition", "[3]", "any()"],
  ],
  [
    "a loop whose condition is a JavaScript boolean",
    () =>
      loosely(whileLoop)(
        () => true,
        (x: Tensor) => x,
        v3,
      ),
    ArgumentError,
    ["whileLoop: the condition", "boolean"],
  ],
  [
    "a loop whose carry changes its type",
    () =>
      whileLoop(
        ({ a }) => less(a),
        ({ a, n }) => ({ a, n: n.div(2).sum() as Tensor }),
        { a: v3, n: i32([1, 2]) },
      ),
    ArgumentError,
    ["whileLoop: the carry.n", "int32[2]", "float32[]", "astype"],
  ],
  [
    "a loop whose carry changes its structure",
    () =>
      loosely(whileLoop)(
        ([x]: [Tensor]) => less(x),
        ([x]: [Tensor]) => [x, x],
        [v3],
      ),
    TreeError,
    ["whileLoop: the carry", "expected [T]", "got      [T, T]"],
  ],
  [
    "a loop that carries no tensor",
    () =>
      whileLoop(
        () => yes,
        (n: number) => n + 1,
        0,
      ),
    TreeError,
    ["whileLoop", "no tensor", "tensor(...)"],
  ],
  [
    "an async loop",
    () => loosely(whileLoop)(less, async (x: Tensor) => x, v3),
    ArgumentError,
    ["whileLoop", "synchronous"],
  ],
  [
    "an async condition",
    () =>
      loosely(whileLoop)(
        async () => yes,
        (x: Tensor) => x,
        v3,
      ),
    ArgumentError,
    ["whileLoop", "synchronous"],
  ],
  [
    "the reverse mode of a loop without a known length",
    () => grad((x: Tensor) => whileLoop(less, (x: Tensor) => x.mul(2) as Tensor, x).sum() as Tensor<[]>)(v3),
    GradientError,
    ["whileLoop", "reverse mode", "foriLoop with numbers", "scan", "jvp"],
  ],
  [
    "a bound that is no integer",
    () => foriLoop(0, 1.5, (_, x) => x, v3),
    ArgumentError,
    ["foriLoop: the upper bound", "1.5"],
  ],
  [
    "a bound that is a float tensor",
    () => foriLoop(f64(0), 3, (_, x) => x, v3),
    DTypeError,
    ["foriLoop: the lower bound", "float64[]", 'astype("int32")'],
  ],
  [
    "a bound that is a vector",
    () => foriLoop(0, i32([1, 2]), (_, x) => x, v3),
    ShapeError,
    ["foriLoop: the upper bound", "int32[2]", "vmap"],
  ],
  [
    "a bound that is missing",
    () => loosely(foriLoop)(0, undefined, (_: Tensor, x: Tensor) => x, v3),
    ArgumentError,
    ["foriLoop: the upper bound", "undefined"],
  ],
  [
    "a counted loop whose carry changes its type",
    () => foriLoop(0, i32(3), (i, { x }) => ({ x: x.add(i.astype("float64")) as Tensor }), { x: v3 }),
    ArgumentError,
    ["foriLoop: the carry.x", "float32[3]", "float64[3]"],
  ],
  [
    "an async counted loop",
    () => loosely(foriLoop)(0, 3, async (_: Tensor, x: Tensor) => x, v3),
    ArgumentError,
    ["foriLoop", "synchronous"],
  ],
  [
    "a scan whose carry changes its type",
    () => scan((c: Tensor) => [c.sum() as Tensor, null] as const, v3, null, { length: 1 }),
    ArgumentError,
    ["scan: the carry comes in", "float32[3]", "float32[]"],
  ],
  [
    "mapping over a scalar one after the other",
    () => loosely(map)((x: Tensor) => x, f64(1)),
    AxisError,
    ["map", "scalar"],
  ],
];

describe.each([
  ["shapes", shapes],
  ["axes", axes],
  ["dtypes", dtypes],
  ["trees", trees],
  ["gradients", gradients],
  ["placeholders", placeholders],
  ["arguments", arguments_],
  ["disposed tensors", disposals],
  ["control flow", controlFlow],
] as [string, Row[]][])("errors about %s", (_, rows) => {
  it.each(rows)("%s", (_, act, error, parts) => {
    let thrown: unknown;
    try {
      act();
    } catch (e) {
      thrown = e;
    }
    expect(thrown).toBeInstanceOf(error);
    expect(thrown).toBeInstanceOf(AmariError);
    const { message } = thrown as AmariError;
    for (const part of parts) {
      if (typeof part === "string") expect(message).toContain(part);
      else expect(message).toMatch(part);
    }
  });
});

describe("errors about backends", () => {
  it("mixing two instances of one names both and says how to move", async () => {
    const here = f64([1]).add(0).realise();
    const there = await f64([2]).to(referenceBackend());
    expect(() => here.add(there).dataSync()).toThrow(BackendError);
    expect(() => here.add(there).dataSync()).toThrow(
      /two backends, reference and reference.*x\.to\(backend\)/,
    );
    const moved = await there.to(getDefaultBackend());
    expect(Array.from(here.add(moved).dataSync())).toEqual([3]);
  });

  it("a dtype that the backend lacks names those that it has", () => {
    const narrow = referenceBackend();
    Object.assign(narrow, { capabilities: { dtypes: ["float32", "bool"], synchronousReads: true } });
    const before = getDefaultBackend();
    setDefaultBackend(narrow);
    try {
      expect(() => f64([1]).add(1).dataSync()).toThrow(DTypeError);
      expect(() => f64([1]).add(1).dataSync()).toThrow(/no float64; it has float32, bool.*astype/);
    } finally {
      setDefaultBackend(before);
    }
  });
});

describe("errors in general", () => {
  it("carry a stable code and the name of their class", () => {
    const error = new ShapeError("x");
    expect([error.name, error.code, error instanceof Error]).toEqual(["ShapeError", "shape", true]);
  });
});
