import { type Case, type Definition, type DType, type Tensor, tensor, vmap } from "@amari/core";
import { gradients } from "../fuzz/gradients.ts";
import type { Input } from "../fuzz/random-program.ts";
import type { TensorFunction } from "../fuzz/variants.ts";
import { isDifferentiable, resultsOf } from "../laws/law.ts";
import { combinations, valuesOf } from "../laws/special-values.ts";
import { operandDType, sampleCase, type Uniform, uniformFrom } from "../sample.ts";
import { type Check, deferred, inputsOf } from "./check.ts";
import { inLayout, inputsFor, layouts, shapedCases } from "./shaped-cases.ts";
import { furtherDTypes, retyped } from "./typed-cases.ts";

const batchSize = 3;

/** Of the dtypes beside those that a case stands for, one size in so many is asked for. */
const furtherEvery = 5;

const defaultTypes = (c: Case, float: DType): DType[] =>
  c.operands.map(operandDType).map((dtype) => (dtype === "float64" ? float : dtype));

/**
 * What an operation's row in the table asks of a backend: each case by itself, differentiated and mapped; on other dtypes,
 * shapes and layouts of its operands; and, where it is elementwise, on special values.
 *
 * @param others - whether the dtypes that are no floats are asked for too, which no float changes
 */
export function* tableChecks(
  operation: Definition,
  float: DType,
  seed: number,
  others: boolean,
): Generator<Check> {
  const elementwise = operation.family === "elementwise";
  const composite = operation.primitive === null;
  const bound = { kind: "ulp", ulp: operation.ulp, elementwise, composite } as const;
  const spread = { kind: "spread" } as const;
  const resultsFor =
    (c: Case): TensorFunction =>
    (...x) => [...resultsOf(c, x)];
  for (const [i, c] of operation.cases.entries()) {
    const uniform = uniformFrom(seed + i);
    const operands = sampleCase(c, uniform);
    const f = resultsFor(c);
    const check = (what: string, given: readonly Tensor[], g: TensorFunction, b: Check["bound"]): Check => ({
      operation: operation.name,
      what: `${what}, case ${i}`,
      inputs: inputsOf(given, float),
      f: g,
      bound: b,
    });
    yield check("its value", operands, f, bound);
    const isSmooth = isDifferentiable(operation, c);
    if (isSmooth) yield check("its gradients", operands, gradients(f), spread);
    const batch = stacked(c, uniform);
    const mapped = vmap(f) as unknown as TensorFunction;
    yield check("vmap", batch, mapped, spread);
    if (isSmooth) yield check("its gradients under vmap", batch, gradients(mapped), spread);
  }
  const isWanted = (dtype: DType) => dtype === float || (others && !dtype.startsWith("float"));
  const further = operation.cases.flatMap((c) => furtherDTypes(c, float).filter(isWanted));
  for (const [k, dtype] of [float, ...new Set(further)].entries()) {
    const types = (c: Case) => (k === 0 ? defaultTypes(c, float) : retyped(c, dtype));
    if (elementwise && operation.primitive?.kernel.kind === "elementwise") {
      const list = types(operation.cases[0]!);
      const columns = combinations(list.map(valuesOf));
      yield {
        operation: operation.name,
        what: "NaN, infinities and zeros of both signs",
        inputs: columns.map((values, i) => ({ shape: [values.length], dtype: list[i]!, values })),
        f: resultsFor(operation.cases[0]!),
        bound,
      };
    }
    const specials = k === 0 && !elementwise ? [...specialValues] : [];
    for (const [i, { case: c, shapes, size }] of [
      ...shapedCases(operation, types, seed + operation.name.length),
    ].entries()) {
      // Of the further dtypes a few sizes, others for each.
      if (k > 0 && (i + k) % furtherEvery !== seed % furtherEvery) continue;
      const layout = layouts[(i + Math.floor(i / layouts.length) + k + seed) % layouts.length]!;
      const at = `in case ${operation.cases.indexOf(c)}`;
      const inputs = () => inputsFor(c, shapes, types(c), uniformFrom(seed + i));
      yield deferred(
        {
          operation: operation.name,
          what: `size ${size} ${at}, ${layout.name}`,
          bound: elementwise ? bound : spread,
        },
        () => inLayout(layout, resultsFor(c), inputs()),
      );
      const special = hasRoom(shapes) ? specials.shift() : undefined;
      if (special === undefined) continue;
      yield deferred({ operation: operation.name, what: `${special.name} ${at}`, bound: spread }, () => ({
        inputs: strewn(inputs(), special, uniformFrom(seed + i)),
        f: resultsFor(c),
      }));
    }
  }
}

/** Special values, how many of the elements they are, and among what. */
interface Special {
  readonly name: string;
  readonly values: readonly number[];
  readonly share: number;
}

/** What stands in the operands of the first sizes that have room for it. */
const specialValues: readonly Special[] = [
  { name: "some infinities", values: [Infinity, -Infinity], share: 0.01 },
  { name: "zeros of both signs", values: [0, -0, -0], share: 1 },
  { name: "some NaN", values: [Number.NaN], share: 0.02 },
];

/** Whether special values can stand among others, and are not too many to be compared often. */
const hasRoom = (shapes: readonly (readonly number[])[]): boolean =>
  shapes.some((shape) => {
    const size = shape.reduce((a, b) => a * b, 1);
    return size >= 13 && size <= 4096;
  });

/**
 * Inputs of which the first float has special values among its elements, at least one; only one has, since a backend may
 * multiply the zeros that pad an operand or skip them.
 */
function strewn(inputs: readonly Input[], { values, share }: Special, uniform: Uniform): Input[] {
  const first = inputs.findIndex(({ dtype }) => dtype.startsWith("float"));
  return inputs.map((input, i) => {
    if (i !== first) return input;
    const one = Math.floor(uniform() * input.values.length);
    const strew = (x: number, at: number) =>
      at === one || uniform() < share ? values[Math.floor(uniform() * values.length)]! : x;
    return { ...input, values: Array.from(input.values, strew) };
  });
}

/** A few samples of each operand, stacked along a first axis. */
function stacked(c: Case, uniform: ReturnType<typeof uniformFrom>): Tensor[] {
  const examples = Array.from({ length: batchSize }, () => sampleCase(c, uniform));
  return c.operands.map((operand, i) => {
    const values = examples.flatMap((example) => Array.from(example[i]!.dataSync()));
    const { dtype } = examples[0]![i]!;
    return tensor(values, { shape: [batchSize, ...operand.shape], dtype }) as Tensor;
  });
}
