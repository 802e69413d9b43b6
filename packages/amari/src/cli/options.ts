import { InvalidArgumentError } from "commander";

/** A parser of whole numbers from `low` to `high`, for an option of the command line. */
export const wholeNumber =
  (low: number, high: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^[+-]?\d+$/.test(text.trim()) && value >= low && value <= high) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${low} to ${high}.`);
  };

/** A parser of one of a few words. */
export const oneOf =
  (choices: readonly string[]) =>
  (text: string): string => {
    if (choices.includes(text)) return text;
    throw new InvalidArgumentError(`Expected one of ${choices.join(", ")}.`);
  };

/** A parser of a list of words, separated by commas, in the order of the choices. */
export const someOf =
  (choices: readonly string[]) =>
  (text: string): readonly string[] => {
    const words = text.split(",").map((word) => word.trim());
    const unknown = words.filter((word) => !choices.includes(word));
    if (unknown.length === 0) return choices.filter((choice) => words.includes(choice));
    throw new InvalidArgumentError(
      `${unknown.map((word) => JSON.stringify(word)).join(", ")} is not among ${choices.join(", ")}; separate them by commas.`,
    );
  };
