import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { BenchmarkCase, BenchmarkSuite } from "../suite.ts";

// Inside this package, so that "amari" resolves.
const folder = fileURLToPath(new URL("..", import.meta.url));

const program = (name: string, code: string): BenchmarkCase => ({
  name,
  prepare: () => () =>
    promisify(execFile)(
      process.execPath,
      ["--import", "tsx", "--conditions=@amari/source", "--input-type=module", "--eval", code],
      { cwd: folder },
    ),
});

/** From nothing to the first gradient, each in a process of its own. */
export const startUp: BenchmarkSuite = {
  name: "start-up",
  about: "A process from start to end, TypeScript sources and tsx included: compare with the first row.",
  budget: { seconds: 2, samples: 3 },
  cases: () => [
    program("nothing", ""),
    program("import amari", 'await import("amari");'),
    program(
      "import amari, first gradient read",
      'const { grad, tensor } = await import("amari"); await grad((x) => x.square().sum())(tensor([1, 2])).data();',
    ),
  ],
};
