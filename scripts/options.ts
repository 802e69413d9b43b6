import { type ParseArgsConfig, parseArgs } from "node:util";

/** The options of the command line; says what is wrong with them in one line, and ends the process. */
export function readOptions<const Options extends NonNullable<ParseArgsConfig["options"]>>(
  options: Options,
): ReturnType<typeof parseArgs<{ options: Options }>>["values"] {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    console.error(
      `error: ${(error as Error).message}\nThe options are ${Object.keys(options)
        .map((name) => `--${name}`)
        .join(", ")}.`,
    );
    process.exit(1);
  }
}
