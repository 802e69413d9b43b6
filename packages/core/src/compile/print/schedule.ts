import { sameShape, stridesOf } from "../../shape.ts";
import { fuse } from "../fuse.ts";
import { type Buffer, buffersOf, type Matrix, type Schedule, type Stage } from "../schedule.ts";
import { kernelLines } from "./kernel.ts";
import { indent, showType } from "./program.ts";

/** A schedule as text: the buffers that it uses, then its stages in the order they run. */
export function printSchedule({ buffers, stages }: Schedule): string {
  const used = new Set(stages.map(buffersOf).flatMap(({ reads, writes }) => [...reads, ...writes]));
  return [
    ...buffers.flatMap((buffer, i) =>
      used.has(i) ? [`b${i}: ${showType(buffer.type)}${showRole(buffer)}`] : [],
    ),
    ...stages.flatMap(stageLines),
  ].join("\n");
}

const showRole = ({ role }: Buffer): string =>
  role.kind === "temporary" ? "" : `, ${role.kind} ${role.index}`;

function stageLines(stage: Stage): string[] {
  switch (stage.kind) {
    case "loops":
      return ["kernel", ...kernelLines(stage.kernel).map(indent)];
    case "assembly":
      return stage.kernels.flatMap((kernel) => ["kernel, in part", ...kernelLines(kernel).map(indent)]);
    case "dot": {
      const { left, right, result, batch, m, n, k } = stage;
      const size = `${[...batch, m].join(" x ")} x ${n}, over ${k}`;
      const isDense = sameShape(
        [...result.batchStrides, result.rowStride],
        stridesOf([...batch, m, n]).slice(0, -1),
      );
      return [
        `dot ${isDense ? `b${result.buffer}` : showMatrix(result)} = ${showMatrix(left)} @ ${showMatrix(right)} (${size})`,
      ];
    }
    case "convolution": {
      const { input, window, result } = stage;
      const size = `${input.shape.join(" x ")} with ${window.shape.join(" x ")}`;
      return [`convolution b${result} = b${input.buffer} * b${window.buffer} (${size})`];
    }
    case "routine":
    case "control": {
      const list = (some: readonly number[]) => some.map((buffer) => `b${buffer}`).join(", ");
      const call = `${stage.step.operation.name}(${list(stage.inputs)})`;
      const bodies = (stage.step.bodies ?? []).map(({ program }) => printSchedule(fuse(program)));
      return [
        `${stage.kind} ${list(stage.outputs)} = ${call}`,
        ...bodies.flatMap((body) => ["body", ...body.split("\n").map(indent)]).map(indent),
      ];
    }
  }
}

/** A matrix: the buffer, with the strides where they are not those of rows of neighbours. */
function showMatrix({ buffer, offset, rowStride, columnStride }: Matrix): string {
  const from = offset === 0 ? "" : ` from ${offset}`;
  return `b${buffer}[${rowStride}, ${columnStride}${from}]`;
}
