import cliProgress from "cli-progress";

interface ProgressBar {
  report(label: string): void;
  end(): void;
}

/** A bar where a person watches; a log gets nothing but the table. */
export function progressBar(total: number): ProgressBar {
  if (!process.stderr.isTTY) return { report: () => {}, end: () => {} };
  const bar = new cliProgress.SingleBar(
    {
      format: "  {bar} {percentage}%  {duration_formatted}  {label}",
      hideCursor: true,
      clearOnComplete: true,
    },
    cliProgress.Presets.shades_classic,
  );
  bar.start(total, 0, { label: "" });
  let started = 0;
  return { report: (label) => bar.update(started++, { label }), end: () => bar.stop() };
}
