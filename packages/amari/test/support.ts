import type { Output } from "../src/cli/io.ts";

/** An output that remembers what was written. */
export function recorded(): Output & { text(): string; errors(): string } {
  const written: string[] = [];
  const errors: string[] = [];
  return {
    interactive: false,
    write: (text) => void written.push(text),
    writeError: (text) => void errors.push(text),
    text: () => written.join("\n"),
    errors: () => errors.join("\n"),
  };
}
