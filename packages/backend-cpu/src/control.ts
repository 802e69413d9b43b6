import {
  type Body,
  bytesPerElement,
  type Execution,
  planControl,
  type Step,
  sizeOf,
  turnsOf,
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
  const plan = planControl(step, {
    alloc: machine.alloc,
    bytesOf: ({ shape, dtype }) => sizeOf(shape) * bytesPerElement(dtype),
  });
  const bodies = step.bodies!.map((body) => machine.compile(body, turnsOf(step)));
  const execute = (execution: Execution): boolean => {
    switch (execution.kind) {
      case "run":
        bodies[execution.body]!(execution.inputs, execution.outputs);
        return false;
      case "copy":
        machine.copy(execution.from, execution.to, execution.bytes);
        return false;
      case "test":
        return machine.holds(execution.address);
    }
  };
  return (inputs, outputs) => {
    const executions = plan(inputs, outputs);
    for (let next = executions.next(); !next.done; ) next = executions.next(execute(next.value));
  };
}
