import type { Operation } from "../operation.ts";
import type { Program } from "./program.ts";

const operationIds = new WeakMap<Operation, number>();
let nextId = 0;

function idOf(operation: Operation): number {
  let id = operationIds.get(operation);
  if (id === undefined) {
    id = nextId++;
    operationIds.set(operation, id);
  }
  return id;
}

/**
 * A key that two programs share exactly if they do the same: equal operations on equal types, wired alike. Numbers that
 * the caller hands over are not part of it, so a new learning rate is no new program.
 */
export function programKey({ inputs, scalars, steps, outputs }: Program): string {
  let key = `${inputs.map(({ dtype, shape }) => `${dtype}${shape.join()}`).join(";")}|${scalars.join()}|`;
  for (const step of steps) {
    key += `${idOf(step.operation)}(${step.inputs.join()})`;
    if (step.attributes !== undefined) key += JSON.stringify(step.attributes);
    for (const { program, scalars: numbers } of step.bodies ?? [])
      key += `{${programKey(program)}|${numbers.join()}}`;
    for (const { dtype, shape } of step.outputs) key += `${dtype}${shape.join()},`;
  }
  return `${key}|${outputs.join()}`;
}
