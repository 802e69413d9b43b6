import type {
  Body,
  ControlForm,
  LoopAttributes,
  Step,
  TensorType,
  WhileAttributes,
} from "@amari/core/backend";
import type { Task } from "./run/task-queue.ts";

/** What running bodies needs of the program that they are part of. Memory is named by its address. */
export interface Machine {
  /**
   * Compiles a body to a function of the addresses of its inputs and outputs, which do not overlap.
   *
   * @param isAligned - where these stand on multiples of four words if the arrays of the whole operation do
   */
  compile(body: Body, isAligned: (role: "input" | "output", index: number) => boolean): RunBody;
  /** Memory that lives as long as the program. */
  alloc(bytes: number): number;
  bytesOf(type: TensorType): number;
  copy(from: number, to: number, bytes: number): void;
  /** Reads the bool at an address, which takes a round trip to the host. */
  holds(address: number, then: (holds: boolean) => void): Task;
}

export type RunBody = (inputs: readonly number[], outputs: readonly number[]) => Task;

/** Prepares an operation that runs bodies. */
export function prepareControl(step: Step, machine: Machine): RunBody {
  const { kernel } = step.operation;
  if (kernel.kind !== "control") throw new Error(`${step.operation.name} has no bodies`);
  return forms[kernel.form](step, machine);
}

const forms: { readonly [F in ControlForm]: (step: Step, machine: Machine) => RunBody } = {
  scan: prepareScan,
  while: prepareWhile,
  cond: prepareCond,
};

const always = (): boolean => true;

const outputBytes = ({ program }: Body, machine: Machine): number[] =>
  program.outputs.map((slot) => machine.bytesOf(program.slots[slot]!));

/** All turns are recorded one after the other: a slice is an address, and carries alternate between two places. */
function prepareScan(step: Step, machine: Machine): RunBody {
  const { constants, carries, length, reverse } = step.attributes as LoopAttributes;
  const body = step.bodies![0]!;
  const bytes = outputBytes(body, machine);
  const [carryBytes, stackedBytes] = [bytes.slice(0, carries), bytes.slice(carries)];
  const sequenceBytes = body.program.inputs.slice(constants + carries).map((type) => machine.bytesOf(type));
  // A slice begins where the ones before it end.
  const run = machine.compile(body, (role, index) => {
    const slice =
      role === "input" ? sequenceBytes[index - constants - carries] : stackedBytes[index - carries];
    return slice === undefined || slice % 16 === 0;
  });
  const spare = [0, 1].map(() => carryBytes.map((size) => machine.alloc(size)));
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
      yield* run(
        [...fixed, ...carry, ...slices(sequences, sequenceBytes, at)],
        [...next, ...slices(stacked, stackedBytes, at)],
      );
      carry = next;
    }
    if (length === 0) copyAll(carry, results, carryBytes, machine);
  };
}

/** The host asks the condition before each turn. */
function prepareWhile(step: Step, machine: Machine): RunBody {
  const { constants } = step.attributes as WhileAttributes;
  const [conditionBody, loopBody] = step.bodies as [Body, Body];
  const [condition, run] = [machine.compile(conditionBody, always), machine.compile(loopBody, always)];
  const carryBytes = outputBytes(loopBody, machine);
  const spare = carryBytes.map((bytes) => machine.alloc(bytes));
  const flag = machine.alloc(4);
  return function* (from, results) {
    const fixed = from.slice(0, constants);
    let carry = from.slice(constants);
    for (;;) {
      const operands = [...fixed, ...carry];
      yield* condition(operands, [flag]);
      let goesOn = false;
      yield* machine.holds(flag, (holds) => {
        goesOn = holds;
      });
      if (!goesOn) break;
      const next = carry === results ? spare : results;
      yield* run(operands, next);
      carry = next as number[];
    }
    if (carry !== results) copyAll(carry, results, carryBytes, machine);
  };
}

function prepareCond(step: Step, machine: Machine): RunBody {
  const [onTrue, onFalse] = (step.bodies as [Body, Body]).map((body) => machine.compile(body, always)) as [
    RunBody,
    RunBody,
  ];
  return function* ([predicate, ...operands], to) {
    let isTrue = false;
    yield* machine.holds(predicate!, (holds) => {
      isTrue = holds;
    });
    yield* (isTrue ? onTrue : onFalse)(operands, to);
  };
}

function copyAll(
  from: readonly number[],
  to: readonly number[],
  bytes: readonly number[],
  machine: Machine,
): void {
  from.forEach((address, i) => {
    machine.copy(address, to[i]!, bytes[i]!);
  });
}
