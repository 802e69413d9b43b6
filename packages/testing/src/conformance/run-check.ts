import { AmariError, type Backend, type DType, jit, type Tensor, type TypedArray } from "@amari/core";
import { bytesOn, epsilonOf, isFloat, toTypedArray, ulpDistance, ulpIn } from "@amari/core/backend";
import { perturbedData, perturbedRuns, type Results, runOn, submitOn } from "../fuzz/check-program.ts";
import { firstDifference, judge } from "../fuzz/judge.ts";
import { PerturbingBackend } from "../fuzz/perturbing-backend.ts";
import type { Input } from "../fuzz/random-program.ts";
import type { TensorFunction } from "../fuzz/variants.ts";
import { type Bound, type Check, type Outcome, showTypes } from "./check.ts";

/** What is compared with what. The reference must read synchronously. */
export interface Pair {
  readonly backend: Backend;
  readonly reference: Backend;
}

/** Asks a backend for one thing and compares. Never throws: whatever happens is an outcome. */
export async function runCheck(check: Check, pair: Pair): Promise<Outcome> {
  let expectation: Expectation;
  try {
    expectation = expectationOf(check, pair);
  } catch (error) {
    if (error instanceof AmariError) return { kind: "declined", reason: error.message };
    return failed(check, `the reference throws ${String((error as Error).stack)}`);
  }
  let got: Results;
  const again: { readonly name: string; readonly results: Results }[] = [];
  try {
    got = await readOn(pair.backend, check.f, check.inputs);
    const others = {
      jit: jit(check.f) as TensorFunction,
      "storing values on the way": check.cut,
      "jit with donated arguments": check.cut && donating(check.f),
    };
    for (const [name, f] of Object.entries(others))
      if (f !== undefined) again.push({ name, results: await readOn(pair.backend, f, check.inputs) });
  } catch (error) {
    const isDeclined = error instanceof AmariError && (error.code === "dtype" || error.code === "backend");
    if (isDeclined && (await isAlive(pair.backend))) return { kind: "unsupported", reason: error.message };
    return failed(check, `${pair.backend.name} throws ${String((error as Error).stack)}`);
  }
  for (const { name, results } of again) {
    for (const [i, data] of results.data.entries()) {
      const at = firstDifference(data, got.data[i]!);
      if (at >= 0)
        return failed(
          check,
          `${name} gives other bits: element ${at} is ${data[at]}, not ${got.data[i]![at]}`,
        );
    }
  }
  return expectation(got);
}

/** Whether a backend computes anything: one that is broken declines whatever it is asked for, too. */
async function isAlive(backend: Backend): Promise<boolean> {
  const dtype = backend.capabilities.dtypes.find((candidate) => isFloat(candidate))!;
  try {
    const { data } = await readOn(backend, (x) => [x!.neg() as Tensor], [
      { shape: [2], dtype, values: [1, 2] },
    ]);
    return data[0]![0] === -1 && data[0]![1] === -2;
  } catch {
    return false;
  }
}

/** Compares results with what was expected. */
type Expectation = (got: Results) => Outcome;

function expectationOf(check: Check, { backend, reference }: Pair): Expectation {
  const areFlushed = backend.capabilities.denormals === false;
  switch (check.bound.kind) {
    case "exact":
      return closedFormOf(check, check.bound.expected);
    case "ulp":
      return definitionOf(check, check.bound, reference, areFlushed);
    case "spread":
      return spreadOf(check, reference, areFlushed);
  }
}

/** Whether float64 is a wider float. */
const isNarrow = (dtype: DType): boolean => isFloat(dtype) && dtype !== "float64";

const closedFormOf =
  (check: Check, expected: (dtype: DType) => TypedArray): Expectation =>
  ({ tensors, data }) => {
    const [{ dtype }, got] = [tensors[0]!, data[0]!];
    const wanted = expected(dtype);
    const at = wanted.findIndex((y, i) => got[i] !== y);
    if (at >= 0 || got.length !== wanted.length) {
      return failed(
        check,
        `element ${at} of ${got.length}, ${dtype}, is ${got[at]}, expected ${wanted[at]} of ${wanted.length}`,
      );
    }
    return { kind: "passed", elements: got.length, discarded: 0, worstUlp: 0, worst: 0 };
  };

/** Whether a float32 is below the smallest normal one. */
export const isTiny = (x: number): boolean => Math.abs(x) < 2 ** -126;

const failed = ({ operation, what, inputs }: Check, message: string): Outcome => ({
  kind: "failed",
  message: `${operation}: ${what} on ${showTypes(inputs)}: ${message}`,
});

/** The float64 definition of the same operands, rounded once. */
function definitionOf(
  check: Check,
  bound: Extract<Bound, { kind: "ulp" }>,
  reference: Backend,
  areFlushed: boolean,
): Expectation {
  const expected = runOn(reference, check.f, check.inputs);
  const wide = check.inputs.map((input) =>
    isNarrow(input.dtype)
      ? { ...input, dtype: "float64" as const, values: Array.from(toTypedArray(input.dtype, input.values)) }
      : input,
  );
  const exact = runOn(reference, check.f, wide);
  return (got) => {
    let [elements, worstUlp, worst] = [0, 0, 0];
    for (const [i, data] of got.data.entries()) {
      const { dtype, shape } = expected.tensors[i]!;
      const mismatch = typeMismatch(got.tensors[i]!, expected.tensors[i]!);
      if (mismatch !== null) return failed(check, mismatch);
      // Where the wide run has another dtype for the result, or is no float, the narrow one is the meaning.
      const isWide = exact.tensors[i]!.dtype === "float64" && isNarrow(dtype);
      const wanted = isWide ? toTypedArray(dtype, exact.data[i]!) : expected.data[i]!;
      const floats = check.inputs.filter((input) => input.dtype.startsWith("float"));
      const largest = Math.max(largestOf(data), ...floats.map(({ values }) => largestOf(values)));
      // What is rounded correctly has no error, unless it is computed in a wider float and rounded again. Where there is
      // no wider definition, both sides have the stated error.
      const error = bound.composite ? bound.ulp : ulpIn(dtype, bound.ulp);
      const stated = error <= 0.5 && dtype !== "float16" ? 0 : error;
      const ulp = isFloat(dtype) && !isWide ? 2 * stated : stated;
      const allowance = bound.elementwise ? 0 : ulp * epsilonOf(dtype) * largest;
      for (let at = 0; at < data.length; at++) {
        const [x, y] = [data[at]!, wanted[at]!];
        elements++;
        if (Object.is(x, y) || (x === y && !bound.elementwise)) continue;
        const distance = isFloat(dtype) ? ulpDistance(x, y, dtype) : Infinity;
        const sign = x === y ? Infinity : distance;
        const isClose =
          sign <= Math.ceil(ulp) || Math.abs(x - y) <= allowance || (areFlushed && isTiny(x) && isTiny(y));
        if (!isClose) {
          return failed(
            check,
            `element ${at} of result ${i}, ${dtype}[${shape.join(", ")}], is ${show(x)}, expected ${show(y)} within ` +
              `${ulp} ulp; it is ${distance} ulp apart`,
          );
        }
        worstUlp = Math.max(worstUlp, Math.min(distance, Math.abs(x - y) / (epsilonOf(dtype) * largest)));
        worst = Math.max(worst, distance / Math.max(1, ulp));
      }
    }
    return { kind: "passed", elements, discarded: 0, worstUlp, worst: Math.min(1, worst) };
  };
}

function spreadOf(check: Check, reference: Backend, areFlushed: boolean): Expectation {
  const kept = (data: TypedArray): TypedArray =>
    areFlushed && data instanceof Float32Array ? data.map((x) => (isTiny(x) ? Math.trunc(x) : x)) : data;
  const perturbing = new PerturbingBackend(reference);
  const expected = runOn(reference, check.f, check.inputs);
  const perturbed = perturbedRuns(perturbing, check.f, check.inputs);
  return (got) => {
    let [elements, discarded, worst] = [0, 0, 0];
    for (const [i, data] of got.data.entries()) {
      const { dtype, shape } = expected.tensors[i]!;
      const mismatch = typeMismatch(got.tensors[i]!, expected.tensors[i]!);
      if (mismatch !== null) return failed(check, mismatch);
      const judgement = judge(
        kept(data),
        kept(expected.data[i]!),
        perturbedData(perturbed, i, kept),
        dtype,
        !perturbed.groups[0]!.some((run) => perturbing.isInexact(run.tensors[i]!)),
      );
      const wrong = judgement.wrong[0];
      if (wrong !== undefined) {
        return failed(
          check,
          `${judgement.wrong.length} of ${data.length} elements of result ${i}, ${dtype}[${shape.join(", ")}], differ: ` +
            `element ${wrong.index} is ${show(data[wrong.index]!)}, expected ${show(expected.data[i]![wrong.index]!)} ` +
            `within ${wrong.bound}`,
        );
      }
      elements += judgement.elements;
      discarded += judgement.discarded;
      worst = Math.max(worst, judgement.worst);
    }
    return { kind: "passed", elements, discarded, worstUlp: 0, worst };
  };
}

function typeMismatch(got: Tensor, expected: Tensor): string | null {
  const [type, wanted] = [got, expected].map(({ dtype, shape }) => `${dtype}[${shape.join(", ")}]`);
  return type === wanted ? null : `a result is of type ${type}, expected ${wanted}`;
}

/** The largest finite magnitude. */
function largestOf(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++)
    if (Number.isFinite(values[i])) most = Math.max(most, Math.abs(values[i]!));
  return most;
}

const show = (x: number): string => (Object.is(x, -0) ? "-0" : String(x));

/** The same function, whose results may be written into the memory of its arguments. */
const donating =
  (f: TensorFunction): TensorFunction =>
  (...x) =>
    (jit(f, { donate: x.map((_, i) => i) }) as TensorFunction)(...x);

/** What was in a result's memory before it was written: as a float large, as a bool neither 0 nor 1. */
const soiled = 0x7b;

/** Memory that nobody has used holds zeros, and so would hide what a backend leaves unwritten. */
function soil(backend: Backend, results: readonly Tensor[]): void {
  const blocks = results.map((result) => {
    const bytes = new Uint8Array(bytesOn(backend, result)).fill(soiled);
    const block = backend.alloc(bytes.length);
    backend.write(block, bytes);
    return block;
  });
  for (const block of blocks) backend.free(block);
}

async function readOn(backend: Backend, f: TensorFunction, inputs: readonly Input[]): Promise<Results> {
  const tensors = submitOn(backend, f, inputs, (results) => soil(backend, results));
  return { tensors, data: await Promise.all(tensors.map((x) => x.data())) };
}
