import cliProgress from "cli-progress";
import type { Progress } from "../study/progress.ts";
import type { Output } from "./io.ts";

/** A bar where a person watches, else one line for each stage, so that a log stays readable. */
export const progressFor = (output: Output): Progress => (output.interactive ? bar() : lines(output));

function bar(): Progress {
  const single = new cliProgress.SingleBar(
    {
      format: "  {bar} {percentage}%  {duration_formatted}  {stage}",
      hideCursor: true,
      clearOnComplete: true,
    },
    cliProgress.Presets.shades_classic,
  );
  return {
    begin: (total) => single.start(total, 0, { stage: "" }),
    stage: (label) => single.update({ stage: label }),
    advance: (units) => single.increment(units),
    end: () => single.stop(),
  };
}

function lines(output: Output): Progress {
  let total = 1;
  let done = 0;
  return {
    begin: (units) => {
      total = units;
    },
    stage: (label) => output.write(`  ${String(Math.floor((100 * done) / total)).padStart(3)}%  ${label}`),
    advance: (units) => {
      done += units;
    },
    end: () => output.write("  100%"),
  };
}
