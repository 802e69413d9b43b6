/** Where the command line writes: the process's streams, or a test's. */
export interface Output {
  write(text: string): void;
  writeError(text: string): void;
  /** Whether a person watches, so that a progress bar makes sense. */
  readonly interactive: boolean;
}

/** The streams of this process. */
export const processOutput: Output = {
  write: (text) => void process.stdout.write(`${text}\n`),
  writeError: (text) => void process.stderr.write(`${text}\n`),
  interactive: process.stdout.isTTY === true,
};
