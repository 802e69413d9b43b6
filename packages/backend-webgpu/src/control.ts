import {
  type Body,
  type ControlPlan,
  type Execution,
  type LoopAttributes,
  outputBytes,
  planControl,
  type Step,
  type TensorType,
  type WhileAttributes,
} from "@amari/core/backend";
import type { Task } from "./run/task-queue.ts";

/** Whether the memory of an input or output begins on a multiple of four words. */
export type IsAligned = (role: "input" | "output", index: number) => boolean;

/** What running bodies needs of the program that they are part of. Memory is named by its address. */
export interface Machine {
  /** @param isAligned - where a body's arrays begin on multiples of four words if those of the whole operation do */
  compile(body: Body, isAligned: IsAligned): CompiledBody;
  /** Memory that lives as long as the program. */
  alloc(bytes: number): number;
  bytesOf(type: TensorType): number;
  copy(from: number, to: number, bytes: number): void;
  /** Copies where the bool at `flag` is `wanted`: decided on the device. */
  copyWhere(flag: number, wanted: boolean, from: number, to: number, bytes: number): void;
  /** Reads the bool at an address, which takes a round trip to the host. */
  holds(address: number, then: (holds: boolean) => void): Task;
}

/** A body that can be run on addresses of its inputs and outputs, which do not overlap. */
export interface CompiledBody {
  readonly run: RunBody;
  /** About how many bytes and operations it takes; infinite where the host has a part in it. */
  readonly work: number;
}

export type RunBody = (inputs: readonly number[], outputs: readonly number[]) => Task;

/** An operation that runs bodies, and whether the host has a part in it. */
export interface PreparedControl {
  readonly run: RunBody;
  readonly needsHost: boolean;
}

/**
 * A round trip to the host takes from a tenth of a millisecond to several, and ends the recording. In that time a device
 * does about so much: rather than ask, it does both of two things, or turns of a loop that may turn out not to be wanted.
 */
const worthAsking = 2 ** 23;

const mostTurns = 32;

/** Prepares an operation that runs bodies. */
export function prepareControl(step: Step, machine: Machine): PreparedControl {
  const { kernel } = step.operation;
  const bodies = step.bodies!.map((body) => machine.compile(body, alignmentIn(step, body, machine)));
  const work = bodies.reduce((sum, body) => sum + body.work, 0);
  if (kernel.kind === "control" && kernel.form === "cond" && work <= worthAsking)
    return { run: chooseOnDevice(step, bodies, machine), needsHost: false };
  if (kernel.kind === "control" && kernel.form === "while" && 2 * work <= worthAsking) {
    const turns = Math.min(mostTurns, Math.floor(worthAsking / work));
    return { run: repeatOnDevice(step, bodies, turns, machine), needsHost: true };
  }
  const isScan = kernel.kind === "control" && kernel.form === "scan";
  return {
    run: follow(planControl(step, machine), bodies, machine),
    needsHost: !isScan || work === Number.POSITIVE_INFINITY,
  };
}

/** Which of a body's arrays are aligned: a slice begins where the ones before it end, all others are whole. */
function alignmentIn({ operation: { kernel }, attributes }: Step, body: Body, machine: Machine): IsAligned {
  if (kernel.kind !== "control" || kernel.form !== "scan") return () => true;
  const { constants, carries } = attributes as LoopAttributes;
  const slices = {
    input: body.program.inputs.slice(constants + carries).map((type) => machine.bytesOf(type)),
    output: outputBytes(body, machine).slice(carries),
  };
  return (role, index) => {
    const slice = slices[role][index - (role === "input" ? constants + carries : carries)];
    return slice === undefined || slice % 16 === 0;
  };
}

/** Carries a plan out: bodies and copies are recorded, and the host is asked for what the plan must know. */
function follow(plan: ControlPlan, bodies: readonly CompiledBody[], machine: Machine): RunBody {
  function* execute(execution: Execution, answer: (holds: boolean) => void): Task {
    switch (execution.kind) {
      case "run":
        return yield* bodies[execution.body]!.run(execution.inputs, execution.outputs);
      case "copy":
        return machine.copy(execution.from, execution.to, execution.bytes);
      case "test":
        return yield* machine.holds(execution.address, answer);
    }
  }
  return function* (inputs, outputs) {
    let holds = false;
    const executions = plan(inputs, outputs);
    for (let next = executions.next(holds); !next.done; next = executions.next(holds)) {
      yield* execute(next.value, (value) => {
        holds = value;
      });
    }
  };
}

/** Runs both branches, and keeps the results of the one that the predicate names. */
function chooseOnDevice(step: Step, [onTrue, onFalse]: readonly CompiledBody[], machine: Machine): RunBody {
  const bytes = outputBytes(step.bodies![0]!, machine);
  const other = bytes.map((size) => machine.alloc(size));
  return function* ([predicate, ...inputs], outputs) {
    yield* onTrue!.run(inputs, outputs);
    yield* onFalse!.run(inputs, other);
    other.forEach((address, i) => {
      machine.copyWhere(predicate!, false, address, outputs[i]!, bytes[i]!);
    });
  };
}

/**
 * Runs the body more often before the host looks each time: 1, 2, 4, ... times. Once the condition has been false the
 * turns leave the carry as it is, so those that were too many are only time.
 */
function repeatOnDevice(
  step: Step,
  [condition, body]: readonly CompiledBody[],
  mostTurns: number,
  machine: Machine,
): RunBody {
  const { constants } = step.attributes as WhileAttributes;
  const bytes = outputBytes(step.bodies![1]!, machine);
  const next = bytes.map((size) => machine.alloc(size));
  const [holds, goesOn] = [machine.alloc(4), machine.alloc(4)];
  return function* (inputs, carry) {
    inputs.slice(constants).forEach((address, i) => {
      machine.copy(address, carry[i]!, bytes[i]!);
    });
    const operands = [...inputs.slice(0, constants), ...carry];
    yield* condition!.run(operands, [goesOn]);
    let going = true;
    for (let turns = 1; going; turns = Math.min(2 * turns, mostTurns)) {
      for (let turn = 0; turn < turns; turn++) {
        yield* body!.run(operands, next);
        next.forEach((address, i) => {
          machine.copyWhere(goesOn, true, address, carry[i]!, bytes[i]!);
        });
        yield* condition!.run(operands, [holds]);
        machine.copyWhere(goesOn, true, holds, goesOn, 4);
      }
      yield* machine.holds(goesOn, (value) => {
        going = value;
      });
    }
  };
}
