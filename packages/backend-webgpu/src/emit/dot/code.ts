/** Statements of a shader, indented as they are nested. */
export class Code {
  readonly lines: string[] = [];
  private depth = 0;

  line(...texts: readonly string[]): void {
    for (const text of texts) this.lines.push("  ".repeat(this.depth) + text);
  }

  /** A statement under a condition; null: always. */
  guarded(condition: string | null, text: string): void {
    this.line(condition === null ? text : `if (${condition}) { ${text} }`);
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

/** The digit of a number that counts `inside` steps each, of `extent` ones; the outermost digit of a number has all above. */
export function digit(number: string, inside: number, extent: number, isOutermost = false): string {
  if (extent === 1) return "0";
  const above = inside === 1 ? number : `${number} / ${inside}`;
  return isOutermost ? above : `${above} % ${extent}`;
}

/** A sum, without its zeros. */
export function sum(...terms: readonly string[]): string {
  const some = terms.filter((term) => term !== "0");
  return some.length === 0 ? "0" : some.join(" + ");
}

/** A product by a number. */
export const scaled = (text: string, by: number): string => {
  if (by === 0 || text === "0") return "0";
  return by === 1 ? text : `${text} * ${by}`;
};
