import type { Operation } from "../operation.ts";
import type { Body, Program, Step } from "./program.ts";

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
export function programKey({ inputs, scalars, steps, outputs, donated }: Program): string {
  let key = `${inputs.map(({ dtype, shape }) => `${dtype}${shape.join()}`).join(";")}|${scalars.join()}|`;
  for (const step of steps) key += stepKey(step);
  return `${key}|${outputs.join()}${donated === undefined ? "" : `|${donated.join()}`}`;
}

/** A key that two steps share exactly if they compute the same from the same slots. */
export function stepKey({ operation, attributes, inputs, outputs, bodies }: Omit<Step, "output">): string {
  let key = `${idOf(operation)}(${inputs.join()})`;
  if (attributes !== undefined) key += JSON.stringify(attributes);
  for (const body of bodies ?? []) key += `{${bodyKey(body)}}`;
  for (const { dtype, shape } of outputs) key += `${dtype}${shape.join()},`;
  return key;
}

/** A key that two bodies share exactly if they do the same, on the same numbers: -0 is not 0. */
export const bodyKey = ({ program, scalars }: Body): string =>
  `${programKey(program)}|${scalars.map((n) => (Object.is(n, -0) ? "-0" : n)).join()}`;
