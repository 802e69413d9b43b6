import { type ParseArgsConfig, parseArgs } from "node:util";
import { AmariError } from "@amari/core";

/** Says what is wrong with the command line in one line, and ends the process. */
export function refuse(message: string): never {
  console.error(`error: ${message}`);
  process.exit(1);
}

/** What a function gives; a mistake that it throws as one of the user or of the machine ends the process. */
export async function orRefuse<T>(make: () => T | Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof AmariError) return refuse(error.message);
    throw error;
  }
}

/** The options of the command line; ends the process where they are wrong. */
export function readOptions<const Options extends NonNullable<ParseArgsConfig["options"]>>(
  options: Options,
): ReturnType<typeof parseArgs<{ options: Options }>>["values"] {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    const names = Object.keys(options).map((name) => `--${name}`);
    return refuse(`${(error as Error).message}\nThe options are ${names.join(", ")}.`);
  }
}

/** An option's value, which must be one of some. */
export function choose<T extends string>(option: string, value: string, choices: readonly T[]): T {
  const choice = choices.find((c) => c === value);
  return choice ?? refuse(`--${option}: expected ${choices.join(" or ")}, got ${value}`);
}

/** An option's value as a whole number. */
export function wholeNumber(option: string, value: string, least: number): number {
  const number = Number(value);
  if (value.trim() !== "" && Number.isSafeInteger(number) && number >= least) return number;
  return refuse(`--${option}: expected a whole number from ${least} on, got ${value}`);
}
