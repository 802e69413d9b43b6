import {
  type Backend,
  type Case,
  type Definition,
  type DType,
  operations,
  type Tensor,
  tensor,
} from "@amari/core";
import { epsilonOf, isFloat, toTypedArray, ulpIn } from "@amari/core/backend";
import { difference, isUnsupported, largestOf, read, submitOn, type Value } from "./values.ts";

/** How one operation does on one backend. */
export interface OperationRow {
  readonly operation: string;
  readonly backend: string;
  /** The difference from the definition where it is the largest share of the bound, in units in the last place. */
  readonly ulp: number;
  readonly bound: number;
  /**
   * That difference as a share of the bound, in the unit in which the operation is judged: in ulp, or, where it is not
   * elementwise, in units of the largest magnitude among operands and results if it is less by those.
   */
  readonly share: number;
  readonly place: string;
  readonly got: number;
  readonly expected: number;
  readonly exceeded: boolean;
  readonly milliseconds: number;
  /** Why it was not run, or null. */
  readonly unsupported: string | null;
}

interface Input {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly values: readonly number[];
}

/** Operands from the domain of a case, spread evenly, in an order that is no order. */
function operandsOf({ operands }: Case, float: DType): Input[] {
  return operands.map(({ shape, dtype, domain }, which) => {
    const { kind, low, high, except } = domain ?? { kind: "real", low: -2, high: 2, except: [] };
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Array.from({ length: size }, (_, i) => {
      // Multiples of the golden ratio fill an interval evenly.
      const at = ((i + 1) * 0.6180339887498949 + which * 0.4142135623730951) % 1;
      if (kind !== "real") return low + Math.floor(at * (high - low + 1));
      const x = low + at * (high - low);
      return except.some((point) => Math.abs(point - x) < 0.1) ? x + 0.2 : x;
    });
    const own = { real: float, integer: "int32", bool: "bool" } as const;
    return { shape, values, dtype: dtype === "float64" || dtype === undefined ? own[kind] : dtype };
  });
}

const build = (c: Case, inputs: readonly Input[]) => (): readonly Tensor[] => {
  const results = c.call(
    ...inputs.map(({ values, shape, dtype }) => tensor(values, { shape, dtype }) as Tensor),
  );
  return Array.isArray(results) ? (results as readonly Tensor[]) : [results as Tensor];
};

/** The reference's results in float64, rounded once. */
async function definition(
  reference: Backend,
  c: Case,
  inputs: readonly Input[],
  float: DType,
): Promise<Value[]> {
  const narrow = await read(submitOn(reference, build(c, inputs)));
  if (float === "float64") return narrow;
  const wide = inputs.map((input) =>
    isFloat(input.dtype)
      ? {
          ...input,
          dtype: "float64" as const,
          values: Array.from<number>(toTypedArray(input.dtype, input.values)),
        }
      : input,
  );
  const exact = await read(submitOn(reference, build(c, wide)));
  return narrow.map((value, i) =>
    isFloat(value.dtype) && exact[i]!.dtype === "float64"
      ? { ...value, data: toTypedArray(value.dtype, exact[i]!.data) }
      : value,
  );
}

/** Every operation of the table on every backend, against its definition. */
export async function compareOperations(
  backends: readonly Backend[],
  reference: Backend,
  float: DType,
  onOperation: (name: string) => void,
): Promise<OperationRow[]> {
  const rows: OperationRow[] = [];
  for (const operation of operations.values()) {
    onOperation(operation.name);
    for (const backend of backends) rows.push(await compareOperation(operation, backend, reference, float));
  }
  return rows;
}

/** The error that an operation may have, in ulp. */
function boundOf({ ulp, primitive }: Definition, float: DType): number {
  // In float64 the definition has the stated error itself.
  if (float === "float64") return 2 * ulp;
  // What expands into other operations rounds as often in any dtype.
  return primitive === null ? ulp : ulpIn(float, ulp);
}

async function compareOperation(
  operation: Definition,
  backend: Backend,
  reference: Backend,
  float: DType,
): Promise<OperationRow> {
  const ulpBound = boundOf(operation, float);
  let worst: OperationRow = {
    operation: operation.name,
    backend: backend.name,
    ulp: 0,
    bound: ulpBound,
    share: 0,
    place: "",
    got: 0,
    expected: 0,
    exceeded: false,
    milliseconds: 0,
    unsupported: null,
  };
  for (const [number, c] of operation.cases.entries()) {
    const inputs = operandsOf(c, float);
    try {
      const expected = await definition(reference, c, inputs, float);
      const started = performance.now();
      const got = await read(submitOn(backend, build(c, inputs)));
      const milliseconds = worst.milliseconds + performance.now() - started;
      const apart = difference(got, expected);
      const operands = inputs.map((input): Value => ({ ...input, data: Float64Array.from(input.values) }));
      // What is not elementwise may cancel: its error counts in units of the largest magnitude.
      const largest = Math.max(largestOf(operands), largestOf(got));
      const { ulp, got: x, expected: y } = apart;
      const inUlp = shareOf(ulp, Math.ceil(ulpBound));
      const ofLargest = shareOf(Math.abs(x - y) / (epsilonOf(float) * largest), ulpBound);
      const share = operation.family === "elementwise" ? inUlp : Math.min(inUlp, ofLargest);
      worst =
        share > worst.share
          ? {
              ...worst,
              milliseconds,
              ulp,
              share,
              got: x,
              expected: y,
              place: `case ${number}, ${apart.place}`,
              exceeded: share > 1,
            }
          : { ...worst, milliseconds };
    } catch (error) {
      if (isUnsupported(error)) return { ...worst, unsupported: (error as Error).message };
      const place = `case ${number} throws: ${(error as Error).message.split("\n")[0]}`;
      return { ...worst, ulp: Infinity, share: Infinity, got: NaN, expected: NaN, place, exceeded: true };
    }
  }
  return worst;
}

/** An error as a share of its bound; infinite where nothing but equality is allowed, or where one value is NaN. */
function shareOf(error: number, bound: number): number {
  if (error === 0) return 0;
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error / bound;
}
