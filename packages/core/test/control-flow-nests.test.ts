import { cpuBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import {
  checkpoint,
  cond,
  foriLoop,
  grad,
  jit,
  jvp,
  map,
  random,
  scan,
  setDefaultBackend,
  stack,
  type Tensor,
  tensor,
  vmap,
  whileLoop,
} from "@amari/core";
import { expectClose } from "@amari/testing";
import { beforeAll, describe, it } from "vitest";

type F = (x: Tensor) => Tensor;

/** A function of a vector, written with control operations and written in JavaScript on values. */
interface Twin {
  readonly text: string;
  readonly operations: F;
  readonly javascript: F;
  /** The modes of differentiation that it has: a while loop has no reverse mode, checkpoint no forward mode. */
  readonly modes: readonly Mode[];
}

type Mode = "forward" | "reverse";

const f64 = { dtype: "float64" } as const;
const int = (x: number) => tensor(x, { dtype: "int32" }) as Tensor;
const mapped = (f: F): F => vmap(f as never) as unknown as F;

/** A small generator of numbers, so that a failure can be repeated (Steele, Vigna 2021, the multiplier of LXM). */
function generator(seed: number) {
  let state = BigInt(seed + 1) * 0x9e3779b97f4a7c15n;
  const next = () => {
    state = (state * 0xd1342543de82ef95n + 1n) & 0xffffffffffffffffn;
    return Number(state >> 33n) / 2 ** 31;
  };
  const below = (n: number) => Math.floor(next() * n);
  return { next, below, pick: <T>(list: readonly T[]): T => list[below(list.length)]! };
}
type Generator = ReturnType<typeof generator>;

function leaf(g: Generator): Twin {
  const w = tensor([g.next() + 0.5, -g.next(), g.next()], f64) as Tensor;
  const f = g.pick<F>([
    (x) => x.mul(w).sin() as Tensor,
    (x) => x.square().mul(0.3).sub(w) as Tensor,
    (x) => x.add(w).tanh().mul(x.exp().add(1).log()) as Tensor,
    (x) => x.mul(x.sum()).mul(w).cos() as Tensor,
    (x) => w.mul(1.1).add(x.mul(0.5)) as Tensor,
  ]);
  return { text: "leaf", operations: f, javascript: f, modes: ["forward", "reverse"] };
}

/** The combinations: each makes of smaller twins a larger one, by an operation and by what it stands for. */
const combinations: readonly ((g: Generator, make: () => Twin) => Twin)[] = [
  (_, make) => {
    const [f, h] = [make(), make()];
    return {
      text: `${h.text} after ${f.text}`,
      operations: (x) => h.operations(f.operations(x)),
      javascript: (x) => h.javascript(f.javascript(x)),
      modes: f.modes.filter((mode) => h.modes.includes(mode)),
    };
  },
  (g, make) => {
    const [f, h, bound, isClosure] = [make(), make(), 2 * g.next() - 1, g.below(2) === 0];
    const above = (x: Tensor) => x.sum().gt(bound) as Tensor;
    return {
      text: `cond(${f.text}, ${h.text}, ${isClosure ? "closed over" : "operand"})`,
      operations: (x) =>
        isClosure
          ? cond(
              above(x),
              () => f.operations(x),
              () => h.operations(x),
            )
          : cond(above(x), f.operations, h.operations, x),
      javascript: (x) => (above(x).itemSync() === 1 ? f : h).javascript(x),
      modes: f.modes.filter((mode) => h.modes.includes(mode)),
    };
  },
  (g, make) => {
    const [f, times] = [make(), g.below(4)];
    const step = (h: F) => (i: Tensor, x: Tensor) => h(x.add(i.astype("float64").mul(0.1)) as Tensor);
    const javascript: F = (x) => {
      let carry = x;
      for (let i = 0; i < times; i++) carry = step(f.javascript)(int(i), carry);
      return carry;
    };
    return {
      text: `foriLoop(${times}, ${f.text})`,
      operations: (x) => foriLoop(0, times, step(f.operations), x),
      javascript,
      modes: f.modes,
    };
  },
  (g, make) => {
    const [f, times, inner] = [make(), g.below(3) + 1, g.below(2) === 0];
    const step = (h: F, x: Tensor) => (carry: Tensor) =>
      h(inner ? (carry.add(x) as Tensor) : carry).mul(0.5) as Tensor;
    const javascript: F = (x) => {
      let carry = x;
      let sum = x.mul(0) as Tensor;
      for (let i = 0; i < times; i++) {
        carry = step(f.javascript, x)(carry);
        sum = sum.add(carry.square()) as Tensor;
      }
      return carry.add(sum) as Tensor;
    };
    return {
      text: `scan(${times}, ${f.text}${inner ? ", closed over x" : ""})`,
      operations: (x) => {
        const body = (carry: Tensor) => {
          const next = step(f.operations, x)(carry);
          return [next, next.square() as Tensor] as const;
        };
        const [last, ys] = scan(body, x, null, { length: times });
        return last.add((ys as Tensor).sum(0)) as Tensor;
      },
      javascript,
      modes: f.modes,
    };
  },
  (g, make) => {
    const [f, bound] = [make(), g.next() + 0.5];
    const goes = (x: Tensor, i: Tensor) => x.square().sum().gt(bound).logicalAnd(i.lt(3)) as Tensor;
    const javascript: F = (x) => {
      let carry = x;
      for (let i = 0; goes(carry, int(i)).itemSync() === 1; i++)
        carry = f.javascript(carry).mul(0.7) as Tensor;
      return carry;
    };
    return {
      text: `whileLoop(${f.text})`,
      operations: (x) =>
        whileLoop(
          ([x, i]) => goes(x, i),
          ([x, i]) => [f.operations(x).mul(0.7) as Tensor, i.add(1) as Tensor],
          [x, int(0)] as [Tensor, Tensor],
        )[0],
      javascript,
      modes: f.modes.filter((mode) => mode === "forward"),
    };
  },
  (_, make) => {
    const f = make();
    return { ...f, text: `jit(${f.text})`, operations: jit(f.operations) };
  },
  (_, make) => {
    const f = make();
    const modes = f.modes.filter((mode) => mode === "reverse");
    return { ...f, text: `checkpoint(${f.text})`, operations: checkpoint(f.operations), modes };
  },
  (g, make) => {
    const [f, over, name] = [
      make(),
      ...g.pick([
        [mapped, "vmap"],
        [
          (f: F): F =>
            (xs) =>
              map(f, xs),
          "map",
        ],
      ] as const),
    ];
    const rows = (x: Tensor) => [x, x.mul(-0.5) as Tensor];
    return {
      text: `${name}(${f.text})`,
      operations: (x) => over(f.operations)(stack(rows(x)) as Tensor).sum(0) as Tensor,
      javascript: (x) => {
        const [a, b] = rows(x).map(f.javascript) as [Tensor, Tensor];
        return a.add(b) as Tensor;
      },
      modes: f.modes,
    };
  },
];

function twin(g: Generator, depth: number): Twin {
  return depth === 0 ? leaf(g) : g.pick(combinations)(g, () => twin(g, depth - 1 - g.below(depth)));
}

const total = (f: F) => (x: Tensor) => f(x).sum() as Tensor<[]>;
const gradient = (f: F): F => grad(total(f)) as F;
const along =
  (f: F): F =>
  (x) =>
    jvp(f, [x], [tensor([0.3, -1, 0.5], f64) as Tensor])[1];

/** What is asked of a twin: an operator on its operations, and the same on its JavaScript. */
const questions: readonly [name: string, modes: readonly Mode[], ask: (f: F) => F, expected: (f: F) => F][] =
  [
    ["the value", [], (f) => f, (f) => f],
    ["jit", [], (f) => jit(f), (f) => f],
    ["jvp", ["forward"], along, along],
    ["jvp of jvp", ["forward"], (f) => along(along(f)), (f) => along(along(f))],
    ["jit of jvp", ["forward"], (f) => jit(along(f)), along],
    ["grad", ["reverse"], gradient, gradient],
    ["jit of grad", ["reverse"], (f) => jit(gradient(f)), gradient],
    ["grad of jit", ["reverse"], (f) => gradient(jit(f)), gradient],
    ["grad of checkpoint", ["reverse"], (f) => gradient(checkpoint(f)), gradient],
    ["grad of grad", ["reverse"], (f) => gradient(gradient(f)), (f) => gradient(gradient(f))],
    ["jit of jvp of grad", ["forward", "reverse"], (f) => jit(along(gradient(f))), (f) => along(gradient(f))],
  ];

describe.each([
  ["reference", referenceBackend()],
  ["cpu", cpuBackend()],
] as const)("random nests of control flow on the %s backend", (_, backend) => {
  beforeAll(() => setDefaultBackend(backend));

  it.each(Array.from({ length: 24 }, (_, seed) => seed))(
    "equal the JavaScript that they stand for, seed %i",
    (seed) => {
      const g = generator(seed);
      const { text, operations, javascript, modes } = twin(g, 4);
      const xs = random.normal(random.key(seed), [2, 3], f64) as Tensor;
      const x = xs.slice(0) as Tensor;
      for (const [name, needed, ask, expected] of questions) {
        if (!needed.every((mode) => modes.includes(mode))) continue;
        const options = { ulpOfLargest: 2 ** 16, what: `${name} of ${text}` };
        const rows = stack([0, 1].map((i) => expected(javascript)(xs.slice(i) as Tensor))) as Tensor;
        expectClose(ask(operations)(x), rows.slice(0), options);
        expectClose(mapped(ask(operations))(xs), rows, options);
      }
    },
  );
});
