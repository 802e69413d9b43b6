import { referenceBackend } from "@amari/backend-reference";
import {
  checkpoint,
  eigh,
  explain,
  grad,
  jit,
  ones,
  scan,
  setDefaultBackend,
  type Tensor,
  where,
  zeros,
} from "@amari/core";
import {
  bytesPerElement,
  fuse,
  type Program,
  planMemory,
  printProgram,
  sizeOf,
  toTypedArray,
  viewBytes,
} from "@amari/core/backend";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";

const backend = referenceBackend();
beforeAll(() => setDefaultBackend(backend));

const vector = zeros([3]) as Tensor;
const matrix = zeros([2, 3]) as Tensor;

/** The canonical graph of a function, as text. */
const canonical = (f: (...args: Tensor[]) => unknown, ...args: Tensor[]): string =>
  `\n${printProgram(explain(f)(...args).canonical)}\n`;

describe("common sub-expressions", () => {
  it("are computed once", () => {
    expect(canonical((x) => x.sin().add(x.sin().exp()), vector)).toMatchInlineSnapshot(`
      "
      program(%0: float32[3])
        %1: float32[3] = sin(%0)
        %2: float32[3] = exp(%1)
        %3: float32[3] = add(%1, %2)
        return %3
      "
    `);
  });

  it("are found where equal numbers stand in them", () => {
    const program = explain((x: Tensor) => x.mul(3).exp().add(x.mul(3).exp()).sub(2))(vector).canonical;
    expect(`\n${printProgram(program)}\n`).toMatchInlineSnapshot(`
      "
      program(%0: float32[3]; %1: float32, %2: float32)
        %3: float32[1] = reshape{shape: [1]}(%1)
        %4: float32[3] = broadcastTo{shape: [3]}(%3)
        %5: float32[3] = mul(%0, %4)
        %6: float32[3] = exp(%5)
        %7: float32[3] = add(%6, %6)
        %8: float32[1] = reshape{shape: [1]}(%2)
        %9: float32[3] = broadcastTo{shape: [3]}(%8)
        %10: float32[3] = sub(%7, %9)
        return %10
      "
    `);
  });

  it("are found through other ones, and among operations with several outputs", () => {
    const twice = (x: Tensor) => {
      const [values] = eigh(x.matmul(x.transpose() as never));
      const [, vectors] = eigh(x.matmul(x.transpose() as never));
      return [values, vectors];
    };
    expect(canonical(twice, matrix)).toMatchInlineSnapshot(`
      "
      program(%0: float32[2, 3])
        %1: float32[3, 2] = permute{axes: [1, 0]}(%0)
        %2: float32[2, 2] = dot(%0, %1)
        %3: float32[2], %4: float32[2, 2] = eigh(%2)
        return %3, %4
      "
    `);
  });

  it("are not what differs in an attribute or a type", () => {
    const f = (x: Tensor) => [x.sum(0), x.sum(1), x.astype("int32"), x.astype("uint32")];
    expect(explain(f)(matrix).canonical.steps).toHaveLength(4);
  });

  it("do not undo a checkpoint: what it recomputes is not taken for what was computed", () => {
    const w = zeros([4, 4]) as Tensor;
    const block = (x: Tensor) =>
      x
        .matmul(w as never)
        .tanh()
        .matmul(w as never)
        .tanh() as Tensor;
    const loss = (wrap: (f: typeof block) => typeof block) => (x: Tensor) =>
      wrap(block)(wrap(block)(wrap(block)(x))).sum() as Tensor<[]>;
    const countOf = (name: string, { steps }: Program) =>
      steps.filter(({ operation }) => operation.name === name).length;
    const x = zeros([64, 4]) as Tensor;
    const plain = explain(grad(loss((f) => f)))(x).canonical;
    const saved = explain(grad(loss(checkpoint)))(x).canonical;
    expect([countOf("tanh", plain), countOf("tanh", saved)]).toEqual([6, 10]);
    expect(planMemory(fuse(saved)).bytes).toBeLessThan(planMemory(fuse(plain)).bytes);
  });
});

describe("simplification", () => {
  it("drops what changes no bit", () => {
    const f = (x: Tensor) =>
      x
        .mul(ones([3]) as never)
        .div(ones([3]) as never)
        .sub(zeros([3]) as never)
        .neg()
        .neg();
    expect(canonical(f, vector)).toMatchInlineSnapshot(`
      "
      program(%0: float32[3])
        return %0
      "
    `);
  });

  it("keeps x + 0, which is not x for -0, but drops it among integers", () => {
    const f = (x: Tensor) => x.add(zeros([3], { dtype: x.dtype }) as never);
    expect(canonical(f, vector)).toMatchInlineSnapshot(`
      "
      program(%0: float32[3])
        %1: float32 = literal{value: 0, dtype: float32}()
        %2: float32[1] = reshape{shape: [1]}(%1)
        %3: float32[3] = broadcastTo{shape: [3]}(%2)
        %4: float32[3] = add(%0, %3)
        return %4
      "
    `);
    expect(canonical(f, zeros([3], { dtype: "int32" }) as Tensor)).toMatchInlineSnapshot(`
      "
      program(%0: int32[3])
        return %0
      "
    `);
  });

  it("composes views, and drops those that change nothing", () => {
    const f = (x: Tensor) => [
      x.transpose().transpose(),
      x.reshape([3, 2]).reshape([6]).reshape([2, 3]).flip(0).flip(0),
      x.reshape([1, 2, 3]).permute([2, 0, 1]).permute([1, 0, 2]),
      x.reshape([2, 1, 3]).broadcastTo([2, 4, 3]).broadcastTo([2, 4, 3]),
    ];
    expect(canonical(f, matrix)).toMatchInlineSnapshot(`
      "
      program(%0: float32[2, 3])
        %1: float32[1, 2, 3] = reshape{shape: [1, 2, 3]}(%0)
        %2: float32[1, 3, 2] = permute{axes: [0, 2, 1]}(%1)
        %3: float32[2, 1, 3] = reshape{shape: [2, 1, 3]}(%0)
        %4: float32[2, 4, 3] = broadcastTo{shape: [2, 4, 3]}(%3)
        return %0, %0, %2, %4
      "
    `);
  });

  it("sees equal branches, once the sub-expressions are shared", () => {
    const f = (c: Tensor, x: Tensor) => where(c as Tensor, x.sin(), x.sin());
    expect(canonical(f, zeros([3], { dtype: "bool" }) as Tensor, vector)).toMatchInlineSnapshot(`
      "
      program(%0: float32[3], %1: bool[3])
        %2: float32[3] = sin(%0)
        return %2
      "
    `);
  });

  it("drops conversions there and back where nothing is lost, and no others", () => {
    const f = (x: Tensor) => [
      x.astype("float64").astype("float32"),
      x.astype("float64").astype("int32"),
      x.astype("int32").astype("float32"),
    ];
    expect(canonical(f, vector)).toMatchInlineSnapshot(`
      "
      program(%0: float32[3])
        %1: int32[3] = astype{dtype: int32}(%0)
        %2: float32[3] = astype{dtype: float32}(%1)
        return %0, %1, %2
      "
    `);
  });

  it("leaves numbers of the caller alone, which other calls have other values for", () => {
    expect(canonical((x) => x.mul(1), vector)).toMatchInlineSnapshot(`
      "
      program(%0: float32[3]; %1: float32)
        %2: float32[1] = reshape{shape: [1]}(%1)
        %3: float32[3] = broadcastTo{shape: [3]}(%2)
        %4: float32[3] = mul(%0, %3)
        return %4
      "
    `);
  });

  it("knows the numbers in the body of a loop", () => {
    const f = (x: Tensor) =>
      scan((carry: Tensor) => [carry.mul(1).sub(0).sin(), null], x, null, { length: 3 })[0];
    expect(canonical(f as never, vector)).toMatchInlineSnapshot(`
      "
      program(%0: float32[3])
        %1: float32[3] = scan{constants: 0, carries: 1, length: 3, reverse: false}(%0)
          body(%0: float32[3]; %1: float32 = 1, %2: float32 = 0)
            %3: float32[3] = sin(%0)
            return %3
        return %1
      "
    `);
  });

  it("changes no bit of any program, special values included", () => {
    const special = fc.constantFrom(0, -0, 1, -1, Number.NaN, Infinity, -Infinity, 1e-45, 3.4e38, 0.1);
    const steps: readonly ((x: Tensor, y: Tensor) => Tensor)[] = [
      (x) => x.neg() as Tensor,
      (x) => x.abs() as Tensor,
      (x) => x.floor() as Tensor,
      (x) => x.sign() as Tensor,
      (x) => x.mul(ones([2, 2]) as never) as Tensor,
      (x) => (ones([2, 2]) as Tensor).mul(x),
      (x) => x.div(ones([2, 2]) as never) as Tensor,
      (x) => x.add(zeros([2, 2]) as never) as Tensor,
      (x) => x.add(zeros([2, 2]).neg() as never) as Tensor,
      (x) => x.sub(zeros([2, 2]) as never) as Tensor,
      (x) => (zeros([2, 2]) as Tensor).sub(x),
      (x) => x.transpose() as Tensor,
      (x) => x.flip(0) as Tensor,
      (x) => x.reshape([4]).reshape([2, 2]) as Tensor,
      (x) => x.astype("float64").astype("float32") as Tensor,
      (x) => x.astype("float64").astype("int32").astype("float32") as Tensor,
      (x) => x.gt(0).astype("int32").astype("float32") as Tensor,
      (x, y) => x.maximum(y as never) as Tensor,
      (x, y) => where(x.gt(y) as Tensor, x, y) as Tensor,
      (x, y) => x.mul(y as never) as Tensor,
      (x) => x.maximum(x.neg().neg() as never) as Tensor,
    ];
    const chain = fc.array(fc.constantFrom(...steps.keys()), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(chain, fc.array(special, { minLength: 4, maxLength: 4 }), (choices, data) => {
        const f = (x: Tensor) =>
          choices.reduce(([x, y], i) => [steps[i]!(x, y), x] as const, [x, x] as readonly [Tensor, Tensor]);
        const { program, canonical } = explain(f)(zeros([2, 2]) as Tensor);
        const numbers = program.scalars.map(() => 0);
        expect(run(canonical, data, numbers)).toEqual(run(program, data, numbers));
        expect(canonical.steps.length).toBeLessThanOrEqual(program.steps.length);
      }),
      { numRuns: 300 },
    );
  });
});

/** The bits of a program's outputs on the reference backend, NaN being one value. */
function run(program: Program, data: readonly number[], numbers: readonly number[]): number[][] {
  const executable = backend.compile(program);
  const input = backend.alloc(16);
  backend.write(input, new Uint8Array(toTypedArray("float32", data).buffer));
  const types = program.outputs.map((slot) => program.slots[slot]!);
  const outputs = types.map(({ shape, dtype }) => backend.alloc(sizeOf(shape) * bytesPerElement(dtype)));
  backend.submit(executable, [input], numbers, outputs);
  return types.map(({ dtype }, i) => [...viewBytes(dtype, backend.readSync(outputs[i]!))]);
}

describe("the rest", () => {
  it("leaves out what nobody reads", () => {
    const dead = jit((x: Tensor) => [x.sin(), x.cos()] as const);
    expect(canonical((x) => dead(x)[0], vector)).toMatchInlineSnapshot(`
      "
      program(%0: float32[3])
        %1: float32[3] = sin(%0)
        return %1
      "
    `);
  });

  it("makes equal bodies one", () => {
    const loop = (x: Tensor) =>
      scan((carry: Tensor) => [carry.sin().mul(2), null], x, null, { length: 3 })[0];
    const { steps } = explain(((x: Tensor) => [loop(x), loop(x.neg())]) as never)(vector as never).canonical;
    const [first, second] = steps.flatMap(({ bodies = [] }) => bodies);
    expect(second).toBe(first);
  });

  it("keeps inputs, scalars and outputs in number and order, also those that are one value or unused", () => {
    const f = (x: Tensor, y: Tensor) => [y.neg().neg(), x, y.mul(2), x.neg().neg(), x.mul(3).mul(0.5)];
    const { program, canonical } = explain(f)(vector, vector);
    expect(canonical.inputs).toEqual(program.inputs);
    expect(canonical.scalars).toEqual(program.scalars);
    expect(canonical.outputs.map((slot) => canonical.slots[slot])).toEqual(
      program.outputs.map((slot) => program.slots[slot]),
    );
    expect(canonical.outputs.slice(0, 2)).toEqual([1, 0]);
  });
});
