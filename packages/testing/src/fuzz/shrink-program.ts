import type { Tensor } from "@amari/core";
import {
  applyCall,
  type Input,
  type RandomProgram,
  renumber,
  tensorOf,
  withoutDeadCode,
} from "./random-program.ts";

/**
 * Makes a failing program smaller by what arbitrary choices cannot do: one value as the only result, a call that is passed over, a
 * call whose value is given as data. Goes on as long as something smaller fails.
 *
 * @param fails - whether a program still fails; may run programs as often as it likes
 */
export function shrinkProgram(
  program: RandomProgram,
  fails: (program: RandomProgram) => boolean,
): RandomProgram {
  let smallest = program;
  for (;;) {
    const smaller = candidates(smallest).find(
      (candidate) => isSmaller(candidate, smallest) && fails(candidate),
    );
    if (smaller === undefined) return smallest;
    smallest = smaller;
  }
}

/** Fewer calls, results or elements, in this order. */
function isSmaller(a: RandomProgram, b: RandomProgram): boolean {
  const size = ({ calls, outputs, inputs }: RandomProgram) => [
    calls.length,
    outputs.length,
    inputs.reduce((sum, { values }) => sum + values.length, 0),
  ];
  const [left, right] = [size(a), size(b)];
  const at = left.findIndex((n, i) => n !== right[i]);
  return at >= 0 && left[at]! < right[at]!;
}

function candidates(program: RandomProgram): RandomProgram[] {
  const { inputs, calls } = program;
  const alone = [...inputs, ...calls].map((_, value) => ({ ...program, outputs: [value] }));
  const values = valuesOf(program);
  const changed = calls.flatMap((_, at) => {
    const number = inputs.length + at;
    const value = values[number]!;
    const same = values.findIndex(
      ({ dtype, shape }) => dtype === value.dtype && shape.join() === value.shape.join(),
    );
    return [
      ...(same < number ? [withValue(program, number, same)] : []),
      withData(program, number, { shape: value.shape, dtype: value.dtype, values: [...value.dataSync()] }),
    ];
  });
  return [...alone, ...changed].map(withoutDeadCode);
}

function valuesOf({ inputs, calls }: RandomProgram): Tensor[] {
  const values = inputs.map(tensorOf);
  for (const call of calls) values.push(applyCall(call, values));
  return values;
}

const renumbered = (program: RandomProgram, f: (value: number) => number): RandomProgram => ({
  inputs: program.inputs,
  calls: program.calls.map(({ callee, args }) => ({
    callee,
    args: args.map((argument) => renumber(argument, f)),
  })),
  outputs: program.outputs.map(f),
});

/** Puts an earlier value in the place of a later one of the same type. */
const withValue = (program: RandomProgram, from: number, to: number): RandomProgram =>
  renumbered(program, (value) => (value === from ? to : value));

/** Puts data in the place of a value: a further input. */
function withData(program: RandomProgram, from: number, data: Input): RandomProgram {
  const { length } = program.inputs;
  const shifted = renumbered(program, (value) => {
    if (value === from) return length;
    return value < length ? value : value + 1;
  });
  return { ...shifted, inputs: [...program.inputs, data] };
}
