import { ArgumentError } from "@amari/core";

/** @throws ArgumentError unless every size is a positive integer */
export function checkSizes(what: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isInteger(size) || size < 1) {
      throw new ArgumentError(`${what}: expected ${name} to be a positive integer, got ${size}`);
    }
  }
}
