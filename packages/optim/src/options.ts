import { ArgumentError } from "@amari/core";

// Hyperparameters are checked when an optimizer is made, so that a slip is an error and not a slow divergence.

/** Stands for the default of an option that must be given. */
export const required: unique symbol = Symbol("required");

/** The default of every option that there is. */
type Defaults<O> = {
  readonly [K in keyof O]-?: Record<never, never> extends Pick<O, K>
    ? Exclude<O[K], undefined>
    : typeof required;
};

/**
 * Options with all defaults filled in; `undefined` is as good as absent.
 *
 * @throws ArgumentError for an option that is not among the defaults, with the nearest one that is, and for a required
 *   one that is missing
 */
export function withDefaults<O extends object>(
  optimizer: string,
  options: O,
  defaults: Defaults<O>,
): Required<O> {
  if (typeof options !== "object" || options === null) {
    throw new ArgumentError(`${optimizer}: expected an object of options, got ${String(options)}`);
  }
  const known = Object.keys(defaults);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new ArgumentError(
      `${optimizer}: there is no option ${unknown}; did you mean ${nearest(unknown, known)}? ` +
        `The options are ${known.join(", ")}`,
    );
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const settings = { ...defaults, ...Object.fromEntries(given) };
  const missing = known.find((name) => settings[name as keyof O] === required);
  if (missing !== undefined) throw new ArgumentError(`${optimizer}: the option ${missing} is missing`);
  return settings as Required<O>;
}

const nearest = (name: string, known: readonly string[]): string =>
  known.reduce((best, candidate) =>
    editDistance(name, candidate) < editDistance(name, best) ? candidate : best,
  );

/** How many letters must be inserted, removed or replaced to make `a` of `b`, capitals aside (Levenshtein 1966). */
function editDistance(a: string, b: string): number {
  const [from, to] = [a.toLowerCase(), b.toLowerCase()];
  let row = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = row[j - 1]! + Number(from[i - 1] !== to[j - 1]);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}

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
