/** Statements of a shader, indented as they are nested. */
export class Code {
  readonly lines: string[] = [];
  private depth = 0;

  line(...texts: readonly string[]): void {
    for (const text of texts) this.lines.push("  ".repeat(this.depth) + text);
  }

  /** Statements inside braces, after a head such as `for (...)`. */
  block(head: string, body: () => void): void {
    this.line(`${head} {`.trim());
    this.depth++;
    body();
    this.depth--;
    this.line("}");
  }
}

export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

export const plus = (text: string, number: number): string => (number === 0 ? text : `${text} + ${number}`);

/** What is added to an address for `text` steps of `stride`. */
export const times = (text: string, stride: number): string => {
  if (stride === 0) return "";
  return stride === 1 ? ` + ${text}` : ` + (${text}) * ${stride}`;
};
