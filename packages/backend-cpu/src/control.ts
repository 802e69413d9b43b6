import {
  type Body,
  bytesPerElement,
  type ControlForm,
  type LoopAttributes,
  type Step,
  sizeOf,
  type TensorType,
  type WhileAttributes,
} from "@amari/core/backend";

/** What running bodies needs of the program that they are part of. Memory is named by its address. */
export interface Machine {
  /**
   * Compiles a body to a function of the addresses of its inputs and outputs, which do not overlap. `turns` is how often
   * it will run in a row, where that is known.
   */
  compile(body: Body, turns?: number): RunBody;
  /** Memory that lives as long as the program. */
  alloc(bytes: number): number;
  copy(from: number, to: number, bytes: number): void;
  /** The value of the bool at an address. */
  holds(address: number): boolean;
}

export type RunBody = (inputs: readonly number[], outputs: readonly number[]) => void;

/** Prepares an operation that runs bodies: the host decides what runs next, the bodies are compiled programs. */
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

const bytesOf = ({ shape, dtype }: TensorType): number => sizeOf(shape) * bytesPerElement(dtype);

const outputBytes = ({ program }: Body): number[] =>
  program.outputs.map((slot) => bytesOf(program.slots[slot]!));

/** A loop runs its body once for each slice, on addresses inside the whole sequences. */
function prepareScan(step: Step, machine: Machine): RunBody {
  const { constants, carries, length, reverse } = step.attributes as LoopAttributes;
  const body = step.bodies![0]!;
  const run = machine.compile(body, length);
  const [carryBytes, stackedBytes] = [outputBytes(body).slice(0, carries), outputBytes(body).slice(carries)];
  const sequenceBytes = body.program.inputs.slice(constants + carries).map(bytesOf);
  const spare = [0, 1].map(() => carryBytes.map((bytes) => machine.alloc(bytes)));
  const slices = (whole: readonly number[], bytes: readonly number[], at: number) =>
    whole.map((address, i) => address + at * bytes[i]!);
  return (from, to) => {
    const results = to.slice(0, carries);
    const fixed = from.slice(0, constants);
    const [sequences, stacked] = [from.slice(constants + carries), to.slice(carries)];
    let carry = from.slice(constants, constants + carries);
    for (let turn = 0; turn < length; turn++) {
      const at = reverse ? length - 1 - turn : turn;
      const next = turn === length - 1 ? results : spare[turn % 2]!;
      run(
        [...fixed, ...carry, ...slices(sequences, sequenceBytes, at)],
        [...next, ...slices(stacked, stackedBytes, at)],
      );
      carry = next;
    }
    if (length === 0) copyAll(carry, results, carryBytes, machine);
  };
}

/** A loop whose end is not known asks its condition before each turn; the carries alternate between two places. */
function prepareWhile(step: Step, machine: Machine): RunBody {
  const { constants } = step.attributes as WhileAttributes;
  const [conditionBody, loopBody] = step.bodies as [Body, Body];
  const [condition, run] = [machine.compile(conditionBody), machine.compile(loopBody)];
  const carryBytes = outputBytes(loopBody);
  const spare = carryBytes.map((bytes) => machine.alloc(bytes));
  const goesOn = machine.alloc(1);
  return (from, results) => {
    const fixed = from.slice(0, constants);
    let carry = from.slice(constants);
    for (;;) {
      const operands = [...fixed, ...carry];
      condition(operands, [goesOn]);
      if (!machine.holds(goesOn)) break;
      const next = carry === results ? spare : results;
      run(operands, next);
      carry = next as number[];
    }
    if (carry !== results) copyAll(carry, results, carryBytes, machine);
  };
}

function prepareCond(step: Step, machine: Machine): RunBody {
  const [onTrue, onFalse] = (step.bodies as [Body, Body]).map((body) => machine.compile(body)) as [
    RunBody,
    RunBody,
  ];
  return ([predicate, ...operands], to) => (machine.holds(predicate!) ? onTrue : onFalse)(operands, to);
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
