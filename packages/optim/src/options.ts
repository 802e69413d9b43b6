import { ArgumentError } from "@amari/core";

// Hyperparameters are checked when an optimizer is made, so that a slip is an error and not a slow divergence.

const isNumber = (value: unknown): value is number => typeof value === "number" && !Number.isNaN(value);

function reject(optimizer: string, name: string, expected: string, value: unknown): never {
  throw new ArgumentError(`${optimizer}: ${name} must be ${expected}, got ${String(value)}`);
}

/** A number in [0, 1), or in [0, 1] where `closed`. */
export function checkFraction(optimizer: string, name: string, value: number, closed = false): number {
  if (isNumber(value) && value >= 0 && (closed ? value <= 1 : value < 1)) return value;
  return reject(optimizer, name, closed ? "in [0, 1]" : "in [0, 1)", value);
}

/** A finite number >= 0. */
export function checkNonNegative(optimizer: string, name: string, value: number): number {
  return Number.isFinite(value) && value >= 0
    ? value
    : reject(optimizer, name, "a finite number >= 0", value);
}

/** A number >= 0, where Infinity means that this bound is absent. */
export function checkBound(optimizer: string, name: string, value: number): number {
  return isNumber(value) && value >= 0 ? value : reject(optimizer, name, "a number >= 0 or Infinity", value);
}

/** A finite number > 0. */
export function checkPositive(optimizer: string, name: string, value: number): number {
  return Number.isFinite(value) && value > 0 ? value : reject(optimizer, name, "a finite number > 0", value);
}

/** A finite number > 0, or null for none. */
export function checkThreshold(optimizer: string, name: string, value: number | null): number | null {
  return value === null ? null : checkPositive(optimizer, name, value);
}

/** One of a few words. */
export function checkChoice<T extends string>(
  optimizer: string,
  name: string,
  value: T,
  choices: readonly T[],
): T {
  if (choices.includes(value)) return value;
  return reject(
    optimizer,
    name,
    `one of ${choices.map((choice) => JSON.stringify(choice)).join(", ")}`,
    value,
  );
}
