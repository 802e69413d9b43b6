import type { ControlForm, LoopAttributes, TensorType, WhileAttributes } from "../operation.ts";
import type { Body, Step } from "./program.ts";

/** What an operation that runs bodies has its backend do next. Memory is named by addresses. */
export type Execution =
  /** Runs a body, by its number in the step; its inputs and outputs do not overlap. */
  | {
      readonly kind: "run";
      readonly body: number;
      readonly inputs: readonly number[];
      readonly outputs: readonly number[];
    }
  | { readonly kind: "copy"; readonly from: number; readonly to: number; readonly bytes: number }
  /** Looks at the bool at an address: whether it is true is what the generator is continued with. */
  | { readonly kind: "test"; readonly address: number };

/** What is to be done one after the other; a backend that waits for the device may wait in between. */
export type Executions = Generator<Execution, void, boolean>;

/** From the addresses of an operation's inputs and outputs to what is to be done. */
export type ControlPlan = (inputs: readonly number[], outputs: readonly number[]) => Executions;

/** What a plan needs of the program that it is part of. */
export interface ControlMemory {
  /** Memory that lives as long as the program. */
  alloc(bytes: number): number;
  bytesOf(type: TensorType): number;
}

/** How an operation that runs bodies is carried out, in any backend whose memory has addresses. */
export function planControl(step: Step, memory: ControlMemory): ControlPlan {
  const { kernel } = step.operation;
  if (kernel.kind !== "control") throw new Error(`${step.operation.name} has no bodies`);
  return plans[kernel.form](step, memory);
}

/** How often a body of an operation runs in a row, where that is known. */
export const turnsOf = ({ operation: { kernel }, attributes }: Step): number | undefined =>
  kernel.kind === "control" && kernel.form === "scan" ? (attributes as LoopAttributes).length : undefined;

/** The sizes of a body's results. */
export const outputBytes = ({ program }: Body, { bytesOf }: Pick<ControlMemory, "bytesOf">): number[] =>
  program.outputs.map((slot) => bytesOf(program.slots[slot]!));

const plans: { readonly [F in ControlForm]: (step: Step, memory: ControlMemory) => ControlPlan } = {
  scan: planScan,
  while: planWhile,
  cond: () => planCond,
};

/** A loop runs its body once for each slice, on addresses inside the whole sequences; carries alternate between two places. */
function planScan(step: Step, memory: ControlMemory): ControlPlan {
  const { constants, carries, length, reverse } = step.attributes as LoopAttributes;
  const body = step.bodies![0]!;
  const bytes = outputBytes(body, memory);
  const [carryBytes, stackedBytes] = [bytes.slice(0, carries), bytes.slice(carries)];
  const sequenceBytes = body.program.inputs.slice(constants + carries).map((type) => memory.bytesOf(type));
  const spare = [0, 1].map(() => carryBytes.map((size) => memory.alloc(size)));
  const slices = (whole: readonly number[], sizes: readonly number[], at: number) =>
    whole.map((address, i) => address + at * sizes[i]!);
  return function* (from, to) {
    const results = to.slice(0, carries);
    const fixed = from.slice(0, constants);
    const [sequences, stacked] = [from.slice(constants + carries), to.slice(carries)];
    let carry = from.slice(constants, constants + carries);
    for (let turn = 0; turn < length; turn++) {
      const at = reverse ? length - 1 - turn : turn;
      const next = turn === length - 1 ? results : spare[turn % 2]!;
      yield {
        kind: "run",
        body: 0,
        inputs: [...fixed, ...carry, ...slices(sequences, sequenceBytes, at)],
        outputs: [...next, ...slices(stacked, stackedBytes, at)],
      };
      carry = next;
    }
    if (length === 0) yield* copies(carry, results, carryBytes);
  };
}

/** A loop whose end is not known asks its condition before each turn. */
function planWhile(step: Step, memory: ControlMemory): ControlPlan {
  const { constants } = step.attributes as WhileAttributes;
  const carryBytes = outputBytes(step.bodies![1]!, memory);
  const spare = carryBytes.map((bytes) => memory.alloc(bytes));
  const flag = memory.alloc(memory.bytesOf({ shape: [], dtype: "bool" }));
  return function* (from, results) {
    const fixed = from.slice(0, constants);
    let carry: readonly number[] = from.slice(constants);
    for (;;) {
      const inputs = [...fixed, ...carry];
      yield { kind: "run", body: 0, inputs, outputs: [flag] };
      if (!(yield { kind: "test", address: flag })) break;
      const next = carry === results ? spare : results;
      yield { kind: "run", body: 1, inputs, outputs: next };
      carry = next;
    }
    if (carry !== results) yield* copies(carry, results, carryBytes);
  };
}

function* planCond([predicate, ...inputs]: readonly number[], outputs: readonly number[]): Executions {
  const isTrue = yield { kind: "test", address: predicate! };
  yield { kind: "run", body: isTrue ? 0 : 1, inputs, outputs };
}

/** Copies one list of arrays to another. */
export function* copies(
  from: readonly number[],
  to: readonly number[],
  bytes: readonly number[],
): Executions {
  for (const [i, address] of from.entries())
    yield { kind: "copy", from: address, to: to[i]!, bytes: bytes[i]! };
}
