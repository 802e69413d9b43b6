import { kernelExpressions, type LoopKernel } from "../kernel.ts";
import { originOf } from "../origins.ts";
import type { Schedule, Stage } from "../schedule.ts";

const longest = 44;

/** What a stage is, in a few words: the operations of a kernel and over what they run, the sizes of a contraction. */
export function stageName(stage: Stage, { buffers }: Schedule): string {
  switch (stage.kind) {
    case "loops":
      return kernelName(stage.kernel);
    case "assembly":
      return `assembly of ${stage.kernels.length}: ${kernelName(stage.kernels[0]!)}`;
    case "dot": {
      const { batch, m, n, k } = stage;
      return `dot ${[...batch, m].join(" x ")} x ${n}, over ${k}`;
    }
    case "convolution": {
      const { shape } = buffers[stage.result]!.type;
      return `convolution to ${shape.join(" x ")}`;
    }
    case "routine":
    case "control":
      return stage.step.operation.name;
  }
}

function kernelName(kernel: LoopKernel): string {
  const { loops, phases } = kernel;
  const operations = kernelExpressions(kernel).flatMap((e) =>
    e.kind === "call" ? [e.name] : (originOf(e)?.name ?? []),
  );
  const folds = phases.flatMap(({ accumulators }) => accumulators.map(({ combine }) => folded[combine]));
  const names = [...new Set([...folds, ...operations])];
  const inner = phases.map((phase) => phase.loops).find((own) => own.length > 0) ?? [];
  const extents = [...loops, ...inner].join(" x ");
  const what = names.length === 0 ? "copy" : shorten(names);
  return extents === "" ? what : `${what} (${extents})`;
}

const folded = { add: "sum", mul: "prod", min: "min", max: "max", and: "all", or: "any" } as const;

/** As many of the names as there is room for. */
function shorten(names: readonly string[]): string {
  let text = names[0]!;
  for (let i = 1; i < names.length; i++) {
    const longer = `${text} ${names[i]!}`;
    if (longer.length > longest) return `${text} +${names.length - i}`;
    text = longer;
  }
  return text;
}
